"""What the codebook sees of action units, what it sees beyond them, and what it misses."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pandas as pd
import streamlit as st

from dfe_core.artefact_names import MANIFEST
from dfe_core.faces.model import REGIONS
from dfe_core.facs.agreement import KINDS, agreement_moments
from dfe_core.facs.blind_spots import lines as blind_lines
from dfe_core.facs.coverage_notes import caveat
from dfe_core.facs.coverage_result import Coverage
from dfe_core.facs.store import AlignedAus, list_aligned
from dfe_core.motion.actions import action_directions
from dfe_core.ontology import title
from dfe_core.reports.coverage_text import exposure_text, headlines, statuses, summary, tool_name, unmeasured

from ..data import artefact_cache, coverage_analyses, media, thumbnails
from ..data.dictionary import dictionary
from ..links import query_parameters, routes
from ..panels import empty_states, job_progress, page_frame
from ..selection import codeword_selection
from ..theme.formatting import clock, percent
from ..views import browser_views, cards, coverage_figures, figures

TABS = ("Codeword × AU", "Action units", "Beyond FACS", "Regions", "Symmetry", "Diversity", "Report")
AU_COLUMNS = {
    "Best": st.column_config.NumberColumn(format="%d", help="The codeword that rises most with the AU within people."),
    "Alone": st.column_config.NumberColumn(
        format="%.2f",
        help="AUROC of the best codeword's intensity within each held-out person, averaged; 0.5 is chance.",
    ),
    "Set": st.column_config.NumberColumn(
        format="%.2f",
        help="The same for at most three codewords with positive "
        "weights, chosen on other people. An AU is covered from 0.8 on.",
    ),
    "All": st.column_config.NumberColumn(
        format="%.2f",
        help="The same for all codewords together (ridge regression "
        "fitted on other people): what the tokens hold about the AU at most.",
    ),
    "People": st.column_config.NumberColumn(
        format="%d", help="Held-out people with enough frames with and without the AU."
    ),
    "Judged by": st.column_config.TextColumn(
        help="What says that the AU is present: its intensity one step above the "
        "person's own baseline where the tool gives intensities, else the tool's "
        "decision, or a coding."
    ),
    "Status": st.column_config.TextColumn(
        help="Covered, not covered, not measured (the tool does not see it here) or not enough data."
    ),
}
SIGNAL_NAMES = {
    "recordings": "Recordings",
    "varies": "Varies",
    "rests": "At rest",
    "constant": "Constant",
    "saturated": "At top",
    "contradictory": "Contradictory",
    "missing": "No value",
    "baseline": "Baseline",
    "pose_share": "Head",
}
SIGNAL_HELP = {
    "recordings": "Recordings with AUs.",
    "varies": "Recordings in which the AU was measured and moves.",
    "rests": "0 in every frame: counted as absent.",
    "constant": "The same value above 0 throughout: not measured.",
    "saturated": "At the top of its scale in most frames: not measured.",
    "contradictory": "The tool's intensity and its decision say opposite things: not measured.",
    "missing": "No value in most frames: not measured.",
    "baseline": "Median over people of the intensity that a tenth of a person's frames are below.",
    "pose_share": "Share of the AU's variance within recordings that head rotation explains, above chance.",
}
TOOL_NAMES = {
    "au": "AU",
    "frames": "Frames",
    "correlation": "Correlation",
    "gain": "Gain",
    "offset": "Offset",
    "delay_s": "Delay (s)",
    "bias_first": "Side bias, first",
    "bias_second": "Side bias, second",
}
TOOL_HELP = {
    "frames": "Frames in which both tools measured the AU.",
    "correlation": "Within recordings, at the delay.",
    "gain": "Standard deviation of the second tool over that of the first.",
    "offset": "Second less first, mean intensity, 0 to 5.",
    "delay_s": "By which the second tool comes later.",
    "bias_first": "(left − right) / (left + right) of the first tool's mean intensities.",
    "bias_second": "(left − right) / (left + right) of the second tool's mean intensities.",
}
BEYOND_HELP = {
    "Left": "Share of displacement variance that is left when this and everything above it are taken out.",
    "Tokens explain": "What tokens explain of it, fitted on other people.",
    "From": "95 % interval over people.",
    "To": "95 % interval over people.",
}
SAID = {"both": "Both say so", "codeword only": "Codeword without the AU", "AU only": "AU without the codeword"}


def page() -> None:
    """The page."""
    choice = artefact_cache.chosen()
    page_frame.header("Coverage", "What the codebook sees that action units do not, and the reverse.", choice)
    if empty_states.ready(choice):
        shown(choice)


@st.fragment
def shown(choice: artefact_cache.Choice) -> None:
    """Choice of AUs, then the analysis."""
    with page_frame.guarded():
        aus = choose_aus(choice)
        if aus is None:
            return
        found = coverage_analyses.analysis(choice, aus)
        if found is None:
            offer_analysis(choice, aus)
            return
        head(found)
        tab = st.segmented_control(
            "Part",
            TABS,
            default=TABS[0],
            key="part_of",
            bind="query-params",
            required=True,
            label_visibility="collapsed",
        )
        PARTS[tab](choice, aus, found)


def choose_aus(choice: artefact_cache.Choice) -> str | None:
    """Which AUs the codewords are held against; with none, a way to derive them."""
    names = list_aligned(choice.dataset, choice.root)
    if not names:
        with st.container(border=True):
            st.subheader(f"“{choice.dataset}” has no action units yet", anchor=False)
            st.markdown(
                "Bring detections in with `dfe aus import FILES --dataset NAME --name TOOL` (OpenFace, "
                "py-feat, LibreFace, manual coding), or derive an estimate from the coefficients now."
            )
            job_progress.offer(
                "Derive an estimate",
                f"aus-{choice.dataset}",
                f"Deriving AUs of {choice.dataset}",
                ["aus", "derive", "--dataset", choice.dataset, "--name", "derived"],
                "AUs have been derived.",
                ":material/functions:",
            )
        return None
    box, note = st.columns([1, 2.6], vertical_alignment="bottom", gap="medium")
    name = box.selectbox("Action units", names, key="aus", bind="query-params")
    opened = AlignedAus.open(choice.dataset, name, choice.root)
    with note:
        kind = "an estimate derived from coefficients" if opened.estimate else "detected or coded"
        st.caption(f"By **{opened.tool} {opened.version}**, {kind}. {caveat(opened.tool, opened.estimate)}")
    return name


def offer_analysis(choice: artefact_cache.Choice, aus: str) -> None:
    """The analysis has not been made for these inputs: offer it, with the report in the same go."""
    with st.container(border=True):
        st.subheader("Not analysed yet", anchor=False)
        st.markdown(
            "The analysis reads every frame once, tests every codeword against every AU on held-out subjects, "
            "and writes the report. It takes about a minute and is kept."
        )
        start_analysis(choice, aus, "Analyse coverage", "primary")


def start_analysis(choice: artefact_cache.Choice, aus: str, label: str, kind: str) -> None:
    """The button that runs `dfe coverage`."""
    folder = coverage_analyses.report_folder(choice, aus)
    job_progress.offer(
        label,
        f"coverage-{folder.name}",
        "Analysing coverage",
        ["coverage", choice.model, choice.dataset, "--aus", aus, "--out", str(folder)],
        "The coverage analysis is ready.",
        ":material/analytics:",
        kind,
    )


def head(found: coverage_analyses.Analysis) -> None:
    """The result in words and headline figures."""
    coverage = found.coverage
    st.markdown(summary(coverage))
    page_frame.facts([(n.label, n.value, n.detail) for n in headlines(coverage)])
    st.caption(
        f"n = {coverage.subjects} subjects, {coverage.frames:,} frames; AUs by {tool_name(coverage)}, "
        f"{coverage.presence_rule}."
    )


def by_cell(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """The clickable heat map and the cell that is open."""
    chosen = filters(choice, found)
    selected = selected_cell(found)
    figure = coverage_figures.cell_map(found.coverage.key, chosen, selected, found)
    if figure is None:
        st.info("No codeword goes with an AU above chance under these filters.", icon=":material/filter_alt_off:")
        return
    chart, detail = st.columns([1.5, 1], gap="medium") if selected else (st.container(), None)
    with chart:
        st.plotly_chart(
            figure,
            key="cells",
            on_select=picked_cell,
            selection_mode="points",
            config=figures.CONFIG,
            alt="Codewords against action units, coloured by phi",
        )
        st.caption(
            "Squares are associations above chance (q < 0.05 over all pairs), coloured by φ, from "
            f"{coverage_figures.FAINTEST:g} on. Click one to see both faces and the moments where they agree and "
            "disagree."
        )
    if detail is not None:
        with detail:
            cell(choice, aus, found, *selected)


def filters(choice: artefact_cache.Choice, found: coverage_analyses.Analysis) -> coverage_analyses.Filter:
    """Subjects, conditions, region and stage."""
    aggregates, table = found.aggregates, dictionary(choice).table
    conditions = aggregates.conditions[:2]
    slots = st.columns(3 + len(conditions))
    subjects = slots[0].multiselect("Subjects", aggregates.subjects, placeholder="All", key="who", bind="query-params")
    levels = []
    for slot, name in zip(slots[1:], conditions, strict=False):
        values = sorted(map(str, aggregates.groups[name].dropna().unique()))
        levels.append(
            (
                name,
                tuple(
                    slot.multiselect(
                        name.capitalize(), values, placeholder="All", key=f"level_{name}", bind="query-params"
                    )
                ),
            )
        )
    regions = slots[-2].multiselect(
        "Region",
        [r for r in REGIONS if r in set(table["region"])],
        placeholder="All",
        format_func=str.capitalize,
        key="cell_region",
        bind="query-params",
    )
    stage = slots[-1].selectbox(
        "Stage", ["All", *map(str, range(1, int(table["main_stage"].max()) + 2))], key="cell_stage", bind="query-params"
    )
    keep = table["codeword"] >= 0
    marked = codeword_selection.bar(choice, "coverage")
    if marked and st.toggle("Selected codewords only", value=True, key="cell_only", bind="query-params"):
        keep &= table["codeword"].isin(marked)
    if regions:
        keep &= table["region"].isin(regions)
    if stage != "All":
        keep &= table["main_stage"] == int(stage) - 1
    codewords = None if keep.all() else tuple(table.loc[keep, "codeword"].astype(int))
    return coverage_analyses.Filter(tuple(subjects), tuple(levels), codewords)


def picked_cell() -> None:
    """Name the clicked cell in the link."""
    points = st.session_state["cells"].selection.points
    if points:
        query_parameters.write(codeword=int(points[0]["x"]), au=points[0]["y"])


def selected_cell(found: coverage_analyses.Analysis) -> tuple[int, str] | None:
    """The cell that the link names."""
    number, label = query_parameters.read("codeword"), query_parameters.read("au")
    if label is None or number is None or not number.isdigit() or int(number) >= len(found.coverage.codewords):
        return None
    return int(number), label


def cell(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis, number: int, label: str) -> None:
    """Both faces side by side, the figures of the pair, and moments of agreement and of disagreement."""
    au, _, side = label.partition(" ")
    side = side or "both"
    codebook, face, row = found.inputs.codebook, found.inputs.face, dictionary(choice).table.iloc[number]
    st.subheader(f"Codeword {number} and {title(au, side)}", anchor=False)
    template = action_directions(face.names).get(label)
    if face.has_mesh:
        psi = codebook.psi[number]
        other = {"psi": [round(float(v), 4) for v in template], "title": label} if template is not None else None
        browser_views.morph(
            key="cell",
            data={
                "face": media.face_address(face),
                "psi": [round(float(v), 4) for v in psi],
                "other": other,
                "height": 300,
                "title": f"Codeword {number}",
                "codeword": number,
                "alt": f"{label} beside codeword {number}: {row['description']}",
            },
        )
    pair = found.coverage.pairs.query("codeword == @number and au == @au and side == @side")
    if len(pair):
        values = pair.iloc[0]
        page_frame.facts(
            [
                ("φ", f"{values['phi']:.2f}", f"{values['phi_low']:.2f} to {values['phi_high']:.2f}"),
                ("Lift", f"{values['lift']:.1f}", f"{values['lift_low']:.1f} to {values['lift_high']:.1f}"),
                ("AUROC", f"{values['auroc']:.2f}", f"{values['auroc_low']:.2f} to {values['auroc_high']:.2f}"),
                ("q", f"{values['q']:.1g}", "over all pairs"),
            ]
        )
    agreement(choice, aus, found, number, au, side)
    with st.container(horizontal=True):
        routes.link("codebook", f"Open codeword {number}", codeword=number)
        st.button(
            "Select it",
            icon=":material/add:",
            key="select-cell",
            on_click=codeword_selection.toggle,
            args=(choice, number),
        )


def agreement(
    choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis, number: int, au: str, side: str
) -> None:
    """Moments by what was there; a click opens the recording."""
    table = _agreement(
        found.coverage.key, number, au, side, found.inputs.tokens, found.inputs.aus, found.aggregates.signals
    )
    for kind in KINDS:
        part = table[table["kind"] == kind].head(4)
        if not len(part):
            continue
        st.caption(SAID[kind])
        with st.container(horizontal=True, gap="small"):
            for i, row in enumerate(part.itertuples()):
                if st.button(
                    f"{row.recording} {clock(row.peak_s)}",
                    key=f"{kind}-{i}",
                    type="tertiary",
                    icon=":material/play_circle:",
                ):
                    routes.go("recordings", recording=row.recording, t=round(float(row.peak_s), 3))


@st.cache_data(max_entries=64, show_spinner="Looking for moments")
def _agreement(key: str, number: int, au: str, side: str, _tokens, _aus, _signals) -> pd.DataFrame:
    return agreement_moments(_tokens, _aus, number, au, side, count=4, signals=_signals)


def by_au(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """How well codewords predict each AU."""
    coverage = found.coverage
    chart, table = st.columns([1.4, 1], gap="medium")
    with chart:
        figures.show(
            coverage_figures.coverage_bars(coverage.per_au, coverage.settings.covered_auroc),
            "au-bars",
            "Held-out AUROC of at most three codewords for every action unit",
        )
    with table:
        per_au = coverage.per_au
        st.caption(
            "The codeword that predicts each AU best, alone and in a set of at most three. " + exposure_text(coverage)
        )
        page_frame.table(
            pd.DataFrame(
                {
                    "AU": [title(a, s) for a, s in zip(per_au["au"], per_au["side"], strict=True)],
                    "Alone": per_au["auroc"],
                    "Set": per_au["sparse_auroc"],
                    "All": per_au["all_auroc"],
                    "Status": statuses(per_au, short=True),
                    "People": per_au["held_out_subjects"],
                    "Best": per_au["best_codeword"],
                    "Judged by": per_au["signal"],
                }
            ),
            height=560,
            column_config=AU_COLUMNS,
        )
        if text := unmeasured(coverage):
            st.caption(text)
    with st.expander("What the tools do not see"):
        measured(coverage)
    if others := [name for name in list_aligned(choice.dataset, choice.root) if name != aus]:
        with st.expander("Held against another tool"):
            against(choice, aus, others)


def against(choice: artefact_cache.Choice, aus: str, others: list[str]) -> None:
    """Gain, delay, offset and side bias of another tool's AUs on the same frames."""
    other = st.selectbox("Other action units", others, index=None, placeholder="Choose a tool", key="other-aus")
    if other is None:  # not before it is asked for: the whole dataset is read
        return
    found = coverage_analyses.tools(choice, aus, other)
    if isinstance(found, str):
        st.caption(found)
        return
    table = found.table.assign(au=[title(a, s) for a, s in zip(found.table["au"], found.table["side"], strict=True)])
    page_frame.table(
        table.drop(columns="side").rename(columns=TOOL_NAMES),
        column_config={
            TOOL_NAMES[name]: st.column_config.NumberColumn(help=text, format="%d" if name == "frames" else "%.2f")
            for name, text in TOOL_HELP.items()
        },
    )
    left_out = f" {found.other_rate} recordings of another frame rate are left out." if found.other_rate else ""
    st.caption(
        f"First: {aus} ({found.tools[0]}); second: {other} ({found.tools[1]}). {found.recordings} recordings at "
        f"{found.fps:g} frames a second.{left_out}"
    )


def measured(coverage: Coverage) -> None:
    """In how many recordings each AU was measured, and the coefficients that cannot show anything."""
    signals = coverage.signals
    page_frame.table(
        signals.assign(au=[title(a, s) for a, s in zip(signals["au"], signals["side"], strict=True)]).rename(
            columns={"au": "AU", "signal": "Judged by", **SIGNAL_NAMES}
        )[["AU", "Judged by", *SIGNAL_NAMES.values()]],
        column_config={
            SIGNAL_NAMES[name]: st.column_config.NumberColumn(
                help=text, format="%.2f" if name in ("baseline", "pose_share") else "%d"
            )
            for name, text in SIGNAL_HELP.items()
        },
    )
    for line in blind_lines(coverage.blind_spots):
        st.caption(line)


def beyond(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """Variance shares, the gallery of new displays, redundancy."""
    coverage, codebook, face = found.coverage, found.inputs.codebook, found.inputs.face
    with st.expander("How the interval is found"):
        page_frame.table(
            coverage.beyond.rename(
                columns={
                    "step": "Taken out",
                    "remainder": "Left",
                    "share": "Tokens explain",
                    "low": "From",
                    "high": "To",
                }
            ),
            column_config={c: st.column_config.NumberColumn(format="percent", help=h) for c, h in BEYOND_HELP.items()},
        )
        st.caption("The first row gives the upper bound, the last the lower one, “and amplitude of AUs” the estimate.")
    st.caption(
        "Displacement variance on held-out subjects, before any floor: what tokens alone explain here still "
        "holds errors of AUs, amplitude, rest, drift and head pose, and is not the figure above."
    )
    figures.show(coverage_figures.variance(coverage.variance), "variance", "Shares of displacement variance")
    new = coverage.new_codewords
    st.subheader("Displays that no AU or AU pair matches", anchor=False)
    if not len(new):
        st.caption("There are none: every codeword in use is matched, or moves no further than errors of AUs explain.")
    table = dictionary(choice).table
    pictures = thumbnails.addresses(choice.root, codebook, face, new["codeword"].tolist())
    items = []
    for row in new.itertuples():
        words = cards.card(table.iloc[row.codeword], pictures.get(int(row.codeword)))
        planted = getattr(row, "planted_action", None)
        nearest = f"Nearest {row.face_aus} ({row.face_cosine:.2f})" if isinstance(row.face_aus, str) else "No AU near"
        known = f" Planted: {planted}." if isinstance(planted, str) else ""
        items.append(
            {
                **words,
                "title": f"{row.codeword} · {percent(row.share)}",
                "score": "",
                "note": f"{words['note']}. {nearest}",
                "alt": f"{words['alt']} {nearest}.{known}",
            }
        )
    if items and face.has_mesh:
        data = {
            "items": items,
            "selected": None,
            "model": codebook.model,
            "label": "Displays beyond FACS",
            "face": media.face_address(face),
            "codebook": media.codebook_address(codebook),
        }
        picked = browser_views.gallery(key="new", data=data, on_pick_change=lambda: None).pick
        if picked is not None:
            routes.go("codebook", codeword=picked)
    if len(coverage.redundancy):
        st.subheader("Codewords that are nearly the same face", anchor=False)
        page_frame.table(
            coverage.redundancy.rename(
                columns={
                    "first": "One",
                    "second": "Other",
                    "cosine": "Cosine",
                    "first_frames": "Frames of one",
                    "second_frames": "Frames of other",
                }
            ),
            column_config={"Cosine": st.column_config.NumberColumn(format="%.3f")},
        )


def by_region(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """Deformation per region and condition."""
    table = found.coverage.deformation
    names = list(dict.fromkeys(table["condition"]))
    name = st.segmented_control(
        "Condition",
        names,
        default=names[-1],
        required=True,
        key="condition",
        format_func=lambda n: "All frames" if n == "all" else n.capitalize(),
    )
    figures.show(coverage_figures.by_condition(table, name), "by-condition", f"Displacement per region by {name}")
    st.caption("Mean over frames of each region's root mean square displacement; intervals over subjects.")


def sides(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """Symmetric and one-sided displays."""
    coverage = found.coverage
    left, right = st.columns([1, 1.2], gap="medium")
    with left:
        table = coverage.symmetry.assign(**{c: 100 * coverage.symmetry[c] for c in ("share", "low", "high")})
        names = {"of": "Of", "what": "What", "share": "Share %", "low": "From", "high": "To"}
        page_frame.table(
            table.rename(columns=names),
            column_config={c: st.column_config.NumberColumn(format="%.1f") for c in ("Share %", "From", "To")},
        )
    with right:
        st.caption("Balance of each subject's movement")
        figures.show(
            coverage_figures.balance(coverage.symmetry_by_subject), "balance", "Left-right balance per subject"
        )


def variety(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """How many displays there are."""
    left, right = st.columns([1.3, 1], gap="medium")
    with left:
        st.caption("Displays found against frames seen")
        figures.show(coverage_figures.rarefaction(found.coverage.rarefaction), "rarefaction", "Rarefaction curves")
    with right:
        table = found.coverage.diversity
        page_frame.table(
            table[["of", "measure", "value", "low", "high"]].rename(
                columns={"of": "Of", "measure": "Measure", "value": "Value", "low": "From", "high": "To"}
            ),
            column_config={c: st.column_config.NumberColumn(format="%.1f") for c in ("Value", "From", "To")},
        )
        st.caption("A display is a moment's one or two strongest codewords, or AUs, held for a tenth of a second.")


def report(choice: artefact_cache.Choice, aus: str, found: coverage_analyses.Analysis) -> None:
    """The report to keep: written by the same command as `dfe coverage`."""
    folder = coverage_analyses.report_folder(choice, aus)
    st.markdown(
        "A self-contained HTML page, a PDF of the same, and every table, with the hashes, versions and the "
        "command that make the same figures again."
    )
    if (folder / MANIFEST).is_file():
        with st.container(horizontal=True):
            for name, label, kind in (("report.html", "HTML", "text/html"), ("report.pdf", "PDF", "application/pdf")):
                if (folder / name).is_file():
                    st.download_button(
                        label,
                        (folder / name).read_bytes(),
                        f"coverage-{choice.model}-{name}",
                        kind,
                        icon=":material/download:",
                        on_click="ignore",
                    )
            st.download_button(
                "Tables",
                lambda: zipped(folder / "tables"),
                f"coverage-{choice.model}-tables.zip",
                "application/zip",
                icon=":material/table:",
                on_click="ignore",
            )
    start_analysis(choice, aus, "Write the report again" if folder.is_dir() else "Write the report", "secondary")


def zipped(folder: Path) -> bytes:
    """A folder's files as one zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.glob("*")):
            archive.write(path, path.name)
    return stream.getvalue()


PARTS = dict(zip(TABS, (by_cell, by_au, beyond, by_region, sides, variety, report), strict=True))
