"""The printed page of one person: left against right, in plain words, with faces; HTML and PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote as quoted
from typing import Any

import numpy as np
import pandas as pd

from dfe_core import __version__
from dfe_core.asymmetry.movements import MOVEMENTS
from dfe_core.asymmetry.person import REST, ApexFace, PersonFacts, SessionFacts, apex_faces, person_facts
from dfe_core.asymmetry.report import AsymmetryReport
from dfe_core.expressions.dataset import Dataset
from dfe_core.faces.library import open_face
from dfe_core.faces.model import FaceModel
from dfe_core.portable_names import file_name
from dfe_core.render.palette import SHARED_SCALE_MM
from dfe_core.reports.asymmetry_text import (
    ESTIMATES,
    MEASURES,
    MODEL_MM,
    NO_COURSE,
    NO_DEVICE,
    band_words,
    change_words,
    error_words,
    mean_words,
    movement_column,
    named_session,
    rest_words,
    session_words,
    sides_words,
)
from dfe_core.reports.document import (
    Bullets,
    Callout,
    Card,
    Document,
    Figure,
    Gallery,
    Number,
    Numbers,
    Section,
    Table,
    Text,
    table_columns,
)
from dfe_core.reports.fonts import lacking, unprintable
from dfe_core.reports.html import write_html
from dfe_core.reports.pdf import write_pdf
from dfe_core.reports.style import BLUE, FAINT, GREY, ORANGE

_PRINTED = (REST, "brow", "lid", "smile", "pucker")
"""What fits into one row; the upper lip's apex is that of the smile, as a rule."""
_SIDES = {"left": BLUE, "right": ORANGE}


def write_person_page(
    report: AsymmetryReport, subject: str, folder: Path, root: Path | None = None, *, pictures: bool = True
) -> list[Path]:
    """Write ``asymmetry-<subject>.html`` and ``.pdf``, and return what was written: no PDF where names have characters
    that no installed font prints (`unprintable_names`). pictures: whether faces are drawn, which takes a renderer.

    Raises `DataError` for somebody who is not in the report.
    """
    person = person_facts(report, subject)
    data = Dataset.open(report.manifest["dataset"], root)
    face = open_face(report.manifest["face"], root)
    shown = [person.sessions[0], person.latest] if len(person.sessions) > 1 else [person.latest]
    galleries = []
    for session in shown:
        faces = [one for one in apex_faces(report, data, session.recordings) if one.movement in _PRINTED]
        drawn = [_picture(face, one) for one in faces] if pictures else [None] * len(faces)
        galleries.append(_gallery(person, session, faces, drawn))
    document = person_document(report, person, galleries)
    folder.mkdir(parents=True, exist_ok=True)
    stem = file_name(f"asymmetry-{subject}")
    pages = [folder / f"{stem}.html"]
    write_html(document, pages[0])
    if not unprintable_names(report, person):
        pages.append(folder / f"{stem}.pdf")
        write_pdf(document, pages[1])
    return pages


def unprintable_names(report: AsymmetryReport, person: PersonFacts) -> str:
    """The characters of the person's name, sessions and recordings that no installed font prints; a browser may."""
    names = [str(report.manifest["dataset"]), person.subject]
    for session in person.sessions:
        names += [session.session, *session.recordings]
    return unprintable("".join(names))


def person_document(report: AsymmetryReport, person: PersonFacts, galleries: Sequence[Gallery]) -> Document:
    """The page of a person, with the faces of the first and of the latest session."""
    simulated = bool(report.manifest["simulated"])
    latest = person.latest
    several = len(person.sessions) > 1
    since = change_words(person, "mean_share")
    words = (*session_words(person, latest), *([since] if since else []))
    sections = [
        Section(
            "In short", (Callout(NO_DEVICE), *(Text(one) for one in words[:1]), Bullets(words[1:]), _numbers(person))
        ),
        Section("Faces", tuple(galleries)),
        Section("Left and right", (*_bars(person), _table(person))),
    ]
    if several:
        sections.append(Section("Over sessions", _course_blocks(report, person)))
    sections.append(Section("What these figures are", (Bullets((MODEL_MM, ESTIMATES, *_METHODS)),)))
    return Document(
        title=f"Left against right: {person.subject}",
        subtitle=f"{person.subject} · {report.manifest['dataset']} · {named_session(latest.session)}"
        + (f", the last of {len(person.sessions)}" if several else ""),
        sections=tuple(sections),
        facts=(
            ("Recordings", ", ".join(latest.recordings)),
            ("Weaker side", f"{person.weaker}, which moves less over all recordings" if person.weaker else "–"),
            (
                "Command",
                f"dfe asymmetry {quoted(report.manifest['dataset'])} --person {quoted(person.subject)} --page DIR",
            ),
            ("dfe", __version__),
        ),
        labels=(*(("simulated data",) if simulated else ()), "not a medical device"),
    )


_METHODS = (
    "Movements are measured at their apexes: peaks of both sides together, from the person's own resting face; the "
    "figure is the median over at most five of the strongest.",
    "A movement counts from 1.5 mm on one side. An eye, a brow or a corner that hardly moves on either side says "
    "nothing.",
    "A pucker is one movement of both sides: its two lengths show to which side the mouth is pulled, and it is not in "
    "the average of the sides.",
    "docs/asymmetry.md has the definitions, sources and tests.",
)


def _numbers(person: PersonFacts) -> Numbers:
    v = person.latest.values
    numbers = (
        Number(
            label="The weaker side moves",
            value=_percent(v["mean_share"]),
            detail=sides_words(person, person.latest),
            main=True,
        ),
        Number(
            label="Commissure excursion",
            value=f"{_mm(v['commissure_excursion_left_mm'])} / {_mm(v['commissure_excursion_right_mm'])}",
            detail="mm, left / right, in a smile",
        ),
        Number(
            label="Eye left open",
            value=f"{_mm(v['lid_gap_left_open_left_mm'])} / {_mm(v['lid_gap_left_open_right_mm'])}",
            detail="mm, left / right, at the closest",
        ),
        Number(label="Sunnybrook-like", value=_points(v["sunnybrook_like"]), detail="estimate, 100 is balanced"),
        Number(label="eFACE-like", value=_points(v["eface_like"]), detail="estimate, 100 is balanced"),
    )
    return Numbers(numbers)


def _percent(value: float) -> str:
    return "–" if np.isnan(value) else f"{100 * value:.0f} %"


def _mm(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.1f}"


def _points(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.0f}"


def _gallery(
    person: PersonFacts, session: SessionFacts, faces: Sequence[ApexFace], drawn: Sequence[bytes | None]
) -> Gallery:
    cards = tuple(Card(one.title, _lines(one), picture) for one, picture in zip(faces, drawn, strict=True))
    return Gallery(
        f"{person.subject}, {named_session(session.session)}: the resting face, and the strongest apex of each "
        "movement, on the face model and not the person's own face; the left side is at the right of the picture. "
        f"Colours are displacement from neutral, {SHARED_SCALE_MM:g} mm and more at the hot end.",
        cards,
    )


def _lines(one: ApexFace) -> tuple[str, ...]:
    if one.movement == REST:
        return (rest_words(one),)
    return (f"left {one.left_mm:.1f}, right {one.right_mm:.1f} mm", f"{one.recording}, {one.time_s:.1f} s")


def _bars(person: PersonFacts) -> tuple[Figure, ...]:
    v = person.latest.values
    known = [m for m in MOVEMENTS if not np.isnan(v[f"{movement_column(m.name)}_left_mm"])]
    if not known:
        return ()

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        most = max([1.0, *(abs(v[f"{movement_column(m.name)}_{s}_mm"]) for m in known for s in _SIDES)]) * 1.2
        figure.subplots_adjust(left=0.16, right=0.98, top=0.9, bottom=0.18)
        for row, movement in enumerate(known):
            for side, sign in (("left", -1), ("right", 1)):
                size = v[f"{movement_column(movement.name)}_{side}_mm"]
                axes.barh(row, sign * max(size, 0.0), color=_SIDES[side], height=0.62)
                axes.text(
                    sign * (max(size, 0.0) + most / 60),
                    row,
                    f"{size:.1f}",
                    va="center",
                    ha="left" if sign > 0 else "right",
                    size=6.5,
                )
        axes.set_xlim(-most, most)
        axes.set_yticks(range(len(known)), [m.title for m in known])
        axes.invert_yaxis()
        axes.axvline(0, color=GREY, linewidth=0.6)
        ticks = [t for t in axes.get_xticks() if abs(t) <= most]
        axes.set_xticks(ticks, [f"{abs(t):g}" for t in ticks])
        axes.set_xlabel("mm from rest")
        axes.set_title("Left side", loc="left", color=BLUE)
        axes.set_title("Right side", loc="right", color=ORANGE)

    figure = Figure(
        name="left-right",
        caption=f"{person.subject}, {named_session(person.latest.session)}: how far each side moves. "
        + mean_words(person.latest),
        draw=draw,
        height_mm=16 + 9 * max(len(known), 2),
    )
    return (figure,)


def _table(person: PersonFacts) -> Table:
    v = person.latest.values
    rows = []
    for m in MOVEMENTS:
        column = movement_column(m.name)
        left, right = v[f"{column}_left_mm"], v[f"{column}_right_mm"]
        rest = v[f"{column}_rest_left_mm"] - v[f"{column}_rest_right_mm"]
        rows.append((m.title, left, right, v[f"{column}_index"], rest, v[f"{column}_synkinesis_mm"]))
    frame = pd.DataFrame(rows, columns=["movement", "left", "right", "index", "rest", "along"])
    frame["index"], frame["rest"] = frame["index"].round(2) + 0.0, frame["rest"].round(1) + 0.0  # no −0
    return Table(
        name="left-right",
        caption="Index: (left − right) / the larger, 0 where both sides move alike. At rest: left less right. Moves "
        "along: how far what should stay still moves more on the weaker side.",
        frame=frame,
        columns=table_columns(
            "movement=Movement*2; left=Left, mm:.1f; right=Right, mm:.1f; index=Index:.2f; rest=At rest, mm:.1f; "
            "along=Moves along, mm:.1f"
        ),
    )


def _course_blocks(report: AsymmetryReport, person: PersonFacts) -> tuple[Any, ...]:
    if all(course.empty for course in person.courses.values()):
        return (Text(NO_COURSE),)
    words = tuple(filter(None, (change_words(person, name) for name in MEASURES)))
    return (_course_figure(person), Bullets((*words, error_words(report.errors["mean_share"]))))


def _course_figure(person: PersonFacts) -> Figure:
    shown = ("mean_share", "smile_weaker_mm")
    bands = {band_words(person.errors[name]): MEASURES[name][0] for name in shown}
    known = {band: title for band, title in bands.items() if band}
    grey = "".join(f" Grey{f' ({title})' if len(bands) > 1 else ''}: {band}." for band, title in known.items())

    order = [one.session for one in person.sessions]

    def draw(figure: Any) -> None:
        panels = figure.subplots(1, 2)
        figure.subplots_adjust(left=0.08, right=0.98, top=0.88, bottom=0.18, wspace=0.25)
        for axes, name in zip(panels, shown, strict=True):
            title, unit, factor = MEASURES[name]
            course = person.courses[name]
            x, y = np.arange(len(course)), factor * course["value"].to_numpy(float)
            least = factor * course["least"].to_numpy(float)
            if len(y) and np.isfinite(least).all():
                axes.fill_between(x, y[0] - least, y[0] + least, color=FAINT, linewidth=0)
            axes.plot(x, y, marker="o", color=BLUE)
            names = course["session"].tolist()
            ordered = any(lacking(one) for one in names)
            numbers = [str(1 + order.index(one)) for one in names]
            axes.set_xticks(x, numbers if ordered else names, parse_math=False)
            axes.set_xlabel("Session, in order" if ordered else "Session")
            axes.set_ylabel(unit)
            axes.set_title(title)

    return Figure(
        name="sessions",
        caption=f"{person.subject} over {len(person.sessions)} sessions, means of their recordings.{grey}",
        draw=draw,
        height_mm=55,
    )


def _picture(face: FaceModel, one: ApexFace) -> bytes | None:
    from dfe_core.errors import DataError
    from dfe_core.render.pictures import over, png, render_picture
    from dfe_core.render.studio import Shot

    try:
        return png(over(render_picture(face, one.psi, SHARED_SCALE_MM, Shot(320)), (255, 255, 255)))
    except (DataError, ImportError):  # a machine without a renderer: the page goes on without
        return None
