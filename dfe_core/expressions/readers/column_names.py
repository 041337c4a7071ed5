"""What tools call the columns beside the coefficients; lower case, without spaces."""

from __future__ import annotations

import re
from collections.abc import Sequence

TIMES = tuple(
    """
    time_s timestamp timestamps time t seconds sec time(s) time[s] ms time_ms timestamp_ms timestampms
    frame_time_in_ms time_in_ms milliseconds time_us timestamp_us time_ns timestamp_ns mediatime timecode_s
    unixtimestampms unixtimestamp unix_timestamp unix_time videotime video_time time_sec elapsed elapsed_time
    elapsed_s timestamp_s frame_time frametime systemtime datetime media_time mediatimestamp pts pts_time
    """.split()
)
FRAMES = tuple(
    """
    frame frame_number frame_index frameindex framenumber frame_idx frame_id frameid frame_no framenum frame_num
    frame# index
    """.split()
)
FACES = tuple("face_id identity face face_index person person_id personid faceid face_idx track_id trackid".split())
SOURCES = ("input", "image", "image_name", "image_path", "filename", "file_name", "img")
"""Columns that name the video or picture a row is of."""
PEOPLE = ("subject", "subject_id", "subjectid", "participant", "participant_id", "participantid", "pid", "id")
"""Columns that name the person a row is of."""
_TIME = re.compile(r"(?!.*(zone|code|approx))(time|.*timestamp|.*_time$)")


def column_of(header: Sequence[str], names: Sequence[str]) -> int | None:
    """The first column with one of the names, whatever its case."""
    keys = [name.lower().replace(" ", "") for name in header]
    return next((keys.index(n) for n in names if n in keys), None)


def time_column(header: Sequence[str]) -> int | None:
    """The column of times: by its name, else the first whose name speaks of a time."""
    found = column_of(header, TIMES)
    keys = [name.lower().replace(" ", "") for name in header]
    return found if found is not None else next((i for i, key in enumerate(keys) if _TIME.match(key)), None)
