"""What reports cite: methods and tools, by key, in the order of a list of references."""

from __future__ import annotations

from types import MappingProxyType

from dfe_core.ontology import SOURCES

CITATIONS = MappingProxyType(
    {
        "openface": "Baltrušaitis, T., Zadeh, A., Lim, Y. C. & Morency, L.-P. (2018). OpenFace 2.0: facial behavior "
        "analysis toolkit. IEEE International Conference on Automatic Face & Gesture Recognition, 59–66.",
        "benjamini": "Benjamini, Y. & Hochberg, Y. (1995). Controlling the false discovery rate: a practical and "
        "powerful approach to multiple testing. Journal of the Royal Statistical Society B 57(1), 289–300.",
        "libreface": "Chang, D., Yin, Y., Li, Z., Tran, M. & Soleymani, M. (2024). LibreFace: an open-source toolkit "
        "for deep facial expression analysis. IEEE/CVF Winter Conference on Applications of Computer Vision, "
        "8205–8215.",
        "py-feat": "Cheong, J. H., Jolly, E., Xie, T., Byrne, S., Kenney, M. & Chang, L. J. (2023). Py-Feat: Python "
        "facial expression analysis toolbox. Affective Science 4, 781–796.",
        "efron": "Efron, B. (1979). Bootstrap methods: another look at the jackknife. The Annals of Statistics 7(1), "
        "1–26.",
        "facs": f"{SOURCES['FACS2002'].citation}.",
        "hanley": "Hanley, J. A. & McNeil, B. J. (1982). The meaning and use of the area under a receiver operating "
        "characteristic (ROC) curve. Radiology 143(1), 29–36.",
        "hoerl": "Hoerl, A. E. & Kennard, R. W. (1970). Ridge regression: biased estimation for nonorthogonal "
        "problems. Technometrics 12(1), 55–67.",
        "hurlbert": "Hurlbert, S. H. (1971). The nonconcept of species diversity: a critique and alternative "
        "parameters. Ecology 52(4), 577–586.",
    }
)
"""Alphabetical by author."""

COVERAGE_METHODS = frozenset({"benjamini", "efron", "facs", "hanley", "hoerl", "hurlbert"})
"""What the methods of a coverage analysis rest on, whatever the tool."""


def references(keys: frozenset[str]) -> tuple[str, ...]:
    """The citations of these keys; keys without one are passed over."""
    return tuple(citation for key, citation in CITATIONS.items() if key in keys)
