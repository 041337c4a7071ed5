"""What the rows of the ontology rest on: one record for each work that is cited, found by a short key."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class Citation:
    """A work that rows of the ontology cite.

    Attributes
    ----------
    key: what rows cite it by. short: what a sentence calls it. citation: the whole reference.
    note: how it was read, where that limits what it says.
    """

    key: str
    short: str
    citation: str
    note: str = ""


_READ = "codes, names and sections as they are reproduced elsewhere; the manual itself was not at hand"
SOURCES = MappingProxyType(
    {
        source.key: source
        for source in (
            Citation(
                key="FACS2002",
                short="FACS 2002",
                citation="Ekman, P., Friesen, W. V. & Hager, J. C. (2002). Facial Action Coding System: The Manual on "
                "CD ROM. Salt Lake City: Research Nexus",
                note=_READ,
            ),
            Citation(
                key="FACS1978",
                short="FACS 1978",
                citation="Ekman, P. & Friesen, W. V. (1978). Facial Action Coding System. Palo Alto: Consulting "
                "Psychologists Press",
                note=_READ,
            ),
            Citation(
                key="FACS11-1",
                short="FACS table 11-1",
                citation="Ekman, P. & Friesen, W. V. (1978). Facial Action Coding System, table 11-1, the strongest "
                "combinations as chosen in Methods of Psychological Research Online, issue 4, article 3",
                note="read in the article",
            ),
            Citation(
                key="WIKIPEDIA",
                short="Wikipedia's table",
                citation="Wikipedia, Facial Action Coding System, table of emotions",
                note="often called EMFACS, which it is not: EMFACS is a way of scoring with a dictionary of its own",
            ),
            Citation(
                key="OPENDBM",
                short="OpenDBM",
                citation="AiCure OpenDBM 2.0, documentation, Emotional expressivity",
            ),
            Citation(
                key="DUCHENNE",
                short="Ekman, Davidson & Friesen 1990",
                citation="Ekman, P., Davidson, R. J. & Friesen, W. V. (1990). The Duchenne smile: emotional expression "
                "and brain physiology II. Journal of Personality and Social Psychology 58(2), 342–353",
            ),
            Citation(
                key="PSPI",
                short="Prkachin & Solomon 2008",
                citation="Prkachin, K. M. & Solomon, P. E. (2008). The structure, reliability and validity of pain "
                "expression: evidence from patients with shoulder pain. Pain 139(2), 267–274",
            ),
            Citation(
                key="O",
                short="Ozel",
                citation="Ozel, M., ARKit to FACS cheat sheet, melindaozel.com",
                note="as transcribed in two public files",
            ),
            Citation(
                key="PR",
                short="py-feat regions",
                citation="py-feat, feat/resources/blendshape_region_map.json and feat/utils/region_maps.py",
            ),
            Citation(key="PT", short="py-feat AU table", citation="py-feat, docs/pages/au_reference.md"),
            Citation(key="U", short="Unity", citation="Unity Live Capture, documentation of the enum FaceBlendShape"),
            Citation(
                key="DFE",
                short="this project",
                citation="Discrete Facial Encoding, this project: judged by hand, not peer reviewed",
            ),
        )
    }
)
"""Every source by its key."""
