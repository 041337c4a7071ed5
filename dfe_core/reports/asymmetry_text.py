"""What a person's asymmetry is, in plain words: for the printed page and the dashboard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dfe_core.asymmetry.change import MeasurementError, RepeatsOf
from dfe_core.asymmetry.composites import REST_MM
from dfe_core.asymmetry.measure import MOST_MM
from dfe_core.asymmetry.movements import MOVEMENTS
from dfe_core.asymmetry.person import ApexFace, PersonFacts, SessionFacts

NO_DEVICE = (
    "This is not a medical device. It has been tested on simulated faces and on healthy people, on no patient. "
    "Nothing here is a diagnosis, and no figure replaces a clinician who looks at the person."
)
NO_COURSE = "No session of this person holds enough movements to be followed."
ESTIMATES = (
    "Scores with “-like” are estimates from lengths, with cut points that no study has set; they are not what a "
    "clinician would give."
)
MODEL_MM = (
    "Millimetres are those of the face model, not of the person: neither the size nor the shape of the person's face "
    "is in them. Left and right are the person's own."
)
MEASURES = {
    "mean_share": ("How far the weaker side moves", "%", 100.0),
    "smile_weaker_mm": ("Smile of the weaker side", "mm", 1.0),
    "sunnybrook_like": ("Sunnybrook-like", "points", 1.0),
    "eface_like": ("eFACE-like", "points", 1.0),
}
"""Of what is followed over sessions: its title, unit, and the factor to that unit."""
_EVEN = 0.93
"""From this mean share on the sides are called alike: healthy people have 0.9 to 1 in the tests of this project."""
_ALONG_MM = 2.0
_GAP_MM = 1.0


def named_session(session: str) -> str:
    """``session 2``, or what is said where it has no name."""
    return f"session {session}" if session.strip() else "all recordings"


def _lesser(person: PersonFacts, session: SessionFacts) -> tuple[str, str, float]:
    """The side that moves less in a session, the other one, and how far it moves of the other's way."""
    share, other = session.values["mean_share"], session.values["mean_share_other"]
    return (person.other, person.weaker, other) if other < share else (person.weaker, person.other, share)


def share_words(person: PersonFacts, session: SessionFacts) -> str:
    """How far the side moves that moves less in a session, of the other's way, in a sentence."""
    less, more, share = _lesser(person, session)
    if np.isnan(share):
        return "There are too few movements in these recordings to compare the sides."
    if share >= _EVEN:
        way = f"{100 * share:.0f} % of the other, averaged over {_listed(session.compared)}{_of_recordings(session)}"
        return f"Both sides move about equally far (the {less} one {way})."
    way = f"{100 * share:.0f} % as far as the {more} one"
    said = f"The {less} side moves {way}, averaged over {_listed(session.compared)}{_of_recordings(session)}"
    if less != person.weaker:
        return f"{said}; over all recordings of the person the {person.weaker} one is the weaker."
    return f"{said}."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _of_recordings(session: SessionFacts) -> str:
    """In how many recordings enough moves, where it is not in all."""
    known, every = session.counts["mean_share"], len(session.recordings)
    return "" if known == every else f" in {known} of {every} recordings, as too little moves in the others"


def mean_words(session: SessionFacts) -> str:
    """Of how many recordings the lengths are means."""
    counts = {session.counts[f"{movement_column(m.name)}_left_mm"] for m in MOVEMENTS} - {0}
    every = len(session.recordings)
    if every == 1:
        return "The median over the movement's apexes."
    if counts <= {every}:
        return f"Mean of {every} recordings, each the median over its apexes."
    return f"Mean of those of {every} recordings that hold the movement, each the median over its apexes."


def movement_column(movement: str) -> str:
    """The name of a movement as it begins the columns of the table of recordings."""
    return movement.replace(" ", "_")


def rest_words(face: ApexFace) -> str:
    """What a resting face is the median of."""
    return "median of still frames" if face.still_s > 0 else "median of all frames"


def _rises(mm: float) -> str:
    return f"rises {mm:.1f} mm" if mm >= 0 else f"is pulled {-mm:.1f} mm down"


def session_words(person: PersonFacts, session: SessionFacts) -> tuple[str, ...]:
    """What stands out in a session, a sentence each."""
    v, weak, strong = session.values, person.weaker or "left", person.other or "right"
    said = [share_words(person, session)]
    if not np.isnan(v["smile_left_mm"]):
        own = v[f"smile_{weak}_mm"]
        moves = f"moves {own:.1f} mm" if own >= 0 else f"is pulled {-own:.1f} mm to the other side"
        other = f"the {strong} one moves {v[f'smile_{strong}_mm']:.1f} mm"
        said.append(f"In a smile the {weak} corner of the mouth {moves}, {other}.")
    if not np.isnan(v["brow_left_mm"]):
        said.append(
            f"The {weak} brow {_rises(v[f'brow_{weak}_mm'])}, the {strong} one {_rises(v[f'brow_{strong}_mm'])}."
        )
    said += [*_lid_words(session, weak, strong), *_rest_words(session)]
    along = float(np.fmax(v["smile_synkinesis_mm"], v["pucker_synkinesis_mm"]))  # either may not be in the session
    if along >= _ALONG_MM:
        said.append(
            f"The {weak} eye narrows with the mouth, by {along:.1f} mm more than the {strong} one (synkinesis)."
        )
    if v["lid_synkinesis_mm"] >= _ALONG_MM:
        said.append(f"The {weak} corner of the mouth moves when the eyes close, by {v['lid_synkinesis_mm']:.1f} mm.")
    still = [m.title.lower() for m in MOVEMENTS if np.isnan(v[f"{movement_column(m.name)}_left_mm"])]
    if still:
        said.append(f"Not measured, because neither side moves 1.5 mm: {_listed(still)}.")
    if broken := broken_words(round(v["broken_frames"] * len(session.recordings))):
        said.append(broken)
    if v["rest_seconds"] == 0:
        said.append("The face is never still for a second: its rest is the median of all frames, and less certain.")
    return tuple(said)


def _lid_words(session: SessionFacts, weak: str, strong: str) -> list[str]:
    gaps = [session.values[f"lid_gap_left_open_{side}_mm"] for side in (weak, strong)]
    if np.isnan(gaps).any():
        return []
    if max(gaps) < _GAP_MM:
        return ["Both eyes close."]
    if min(gaps) >= _GAP_MM:
        by = f"the {weak} one by {gaps[0]:.1f} mm, the {strong} by {gaps[1]:.1f} mm"
        return [f"Both eyes stay open at their closest, {by}."]
    ways = ["closes" if gap < _GAP_MM else f"stays open by {gap:.1f} mm at its closest" for gap in gaps]
    return [f"The {weak} eye {ways[0]}, the {strong} one {ways[1]}."]


def sides_words(person: PersonFacts, session: SessionFacts) -> str:
    """Whose way is held against whose, and whether the other side moves less in this session."""
    if not person.weaker:
        return "no movement was compared"
    less, more, share = _lesser(person, session)
    if less == person.weaker:
        return f"as far as the other ({person.weaker} against {person.other})"
    return (
        f"as far as the other ({person.weaker} against {person.other}, by all recordings); in this session the {less} "
        f"side moves less, {100 * share:.0f} % of the {more}"
    )


def _rest_words(session: SessionFacts) -> list[str]:
    said = []
    for name, what in (("smile", "corner of the mouth"), ("brow", "brow")):
        apart = session.values[f"{name}_rest_left_mm"] - session.values[f"{name}_rest_right_mm"]
        if abs(apart) >= REST_MM:
            lower, higher = ("left", "right") if apart < 0 else ("right", "left")
            said.append(f"At rest the {lower} {what} is {abs(apart):.1f} mm lower than the {higher} one.")
    return said


def change_words(person: PersonFacts, measure: str) -> str:
    """What has become of a measure since the first session, and whether it counts, which takes repeats; empty for a
    single session."""
    course = person.courses[measure]
    if len(course) < 2:
        return ""
    title, unit, factor = MEASURES[measure]
    first, last = course.iloc[0], course.iloc[-1]
    before, after, least = (factor * float(x) for x in (first["value"], last["value"], last["least"]))
    digits = 1 if unit == "mm" else 0
    between = f"between sessions {first['session']} and {last['session']}"
    moved = f"{title}: from {before:.{digits}f} to {after:.{digits}f} {unit} {between}"
    if np.isnan(least):
        return f"{moved}; nothing was repeated, so that it cannot be said whether that is more than error."
    if person.errors[measure].source == RepeatsOf.APEXES:
        if not bool(last["beyond"]):
            return f"{moved}. That is within what apexes of one recording differ ({least:.{digits}f} {unit})."
        return (
            f"{moved}. That is more than apexes of one recording differ ({least:.{digits}f} {unit}); whether it is "
            "more than recordings of one session differ is not known without repeats."
        )
    if bool(last["counts"]):
        return f"{moved}. That is more than repeats differ ({least:.{digits}f} {unit})."
    return f"{moved}. That is within what repeats differ ({least:.{digits}f} {unit})."


def band_words(error: MeasurementError) -> str:
    """What is within the grey band about the first session; empty where there is none."""
    if error.source == RepeatsOf.SESSION:
        return "within what repeats differ (95 %)"
    if error.source == RepeatsOf.APEXES:
        return "within what apexes of one recording differ; repeats differ more"
    return ""


def broken_words(frames: int) -> str:
    """How many frames were left out as no face's, and why; empty where none was."""
    if not frames:
        return ""
    return (
        f"{frames:,} {'frame is' if frames == 1 else 'frames are'} left out: a side would be more than {MOST_MM:g} mm "
        "from neutral, which is a tracker's error."
    )


def error_words(error: MeasurementError) -> str:
    """Where the smallest change that counts is from."""
    if error.source == RepeatsOf.SESSION:
        return f"The smallest change that counts is from recordings of the same session (95 %, {error.df} repeats)."
    if error.source == RepeatsOf.APEXES:
        return (
            "Too few sessions have repeats, so that no change is said to count. How much apexes of one recording "
            "differ knows nothing of another attempt: people who have not changed are often beyond it. It takes two "
            "recordings of everybody in a session."
        )
    return "Nothing was repeated: no smallest change can be given."
