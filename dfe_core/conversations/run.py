"""The conversations of a dataset, brought onto one clock and analysed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from dfe_core.channels.sources import channel_sources
from dfe_core.conversations.analysis import ConversationResult, TalkingFaces, analyse_faces
from dfe_core.conversations.members import Conversation, Member, find_conversations, pair_roles
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.tracks import FaceTrack, Things, common_step, things_of, track_of_tokens
from dfe_core.conversations.turns import speech_on_clock, speech_source
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Listener, Progress, silent
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache
from dfe_core.tokens.intervals import iter_recordings
from dfe_core.tokens.presence import codeword_sizes


def analyse_conversations(
    codebook: Codebook,
    dataset: Dataset,
    tokens: TokenCache,
    settings: ConversationSettings,
    progress: Listener = silent,
) -> ConversationResult:
    """Mimicry, lags, who leads and who speaks in the conversations of a dataset.

    Frames that are not valid or excluded are gaps. Raises `DataError` where the conversations cannot be told
    (`members.find_conversations`), where the clocks of one do not overlap, and where none is long enough.
    """
    found = find_conversations(dataset.recordings, settings)
    things = things_of(codebook.table)
    step_s = settings.step_s or _step(dataset, found)
    tracks = _tracks(tokens, found, things, step_s, progress)
    faces, left_out = common_parts(found, tracks, step_s, settings)
    faces = [_with_speech(one, members, dataset, step_s) for one, members in zip(faces, _of(faces, found), strict=True)]
    tables = analyse_faces(faces, things.table, step_s, settings, progress)
    return ConversationResult(
        model=codebook.model,
        dataset=dataset.name,
        simulated=dataset.simulated,
        settings=settings,
        step_s=step_s,
        roles=pair_roles(found, settings),
        conversations=pd.DataFrame([_facts(one, step_s) for one in faces]),
        left_out=left_out,
        **vars(tables),
    )


def _step(dataset: Dataset, found: Sequence[Conversation]) -> float:
    rates = dataset.recordings.set_index(dataset.recordings["recording"].astype(str))["fps"]
    fps = [float(rates[member.recording]) for one in found for member in one.members]
    return common_step([1 / rate for rate in fps if rate > 0])


def _tracks(
    tokens: TokenCache, found: Sequence[Conversation], things: Things, step_s: float, progress: Listener
) -> dict[str, FaceTrack]:
    """The track of every member, by recording. Raises `DataError` for one without a frame."""
    offsets = {member.recording: member.offset_s for one in found for member in one.members}
    sizes = codeword_sizes(tokens)
    tracks: dict[str, FaceTrack] = {}
    for part in iter_recordings(tokens):
        if part.recording in offsets and len(part.frame) > 1:
            progress(Progress(task="faces", done=len(tracks), total=len(offsets), detail=part.recording))
            tracks[part.recording] = track_of_tokens(part, sizes, things, offsets[part.recording], step_s)
    if missing := [name for name in offsets if name not in tracks]:
        raise DataError(missing[0], "no frames with tokens", "a face with valid frames in every recording")
    return tracks


def common_parts(
    found: Sequence[Conversation],
    tracks: Mapping[str, FaceTrack],
    step_s: float,
    settings: ConversationSettings,
) -> tuple[list[TalkingFaces], tuple[str, ...]]:
    """Of each conversation the time that all of its recordings share; and the names of those of which it is too short.

    Raises `DataError` where the recordings of one share no time, and where every one is too short.
    """
    faces, short = [], []
    for one in found:
        own = [tracks[member.recording] for member in one.members]
        start, stop = max(t.start for t in own), min(t.start + len(t.known) for t in own)
        if stop <= start:
            spans = ", ".join(
                f"{t.recording} {t.start * step_s:.1f} to {(t.start + len(t.known)) * step_s:.1f} s" for t in own
            )
            raise DataError(
                one.name, f"recordings that share no time ({spans})", "clocks that overlap (--offset COLUMN)"
            )
        if (stop - start) * step_s < settings.least_s:
            short.append(one.name)
        else:
            faces.append(TalkingFaces(one.name, tuple(t.part(start, stop) for t in own)))
    if not faces:
        raise DataError(
            "conversations",
            f"all {len(short)} of less than {settings.least_s:g} s",
            "longer ones, or a smaller largest lag (--max-lag): a conversation lasts eight of it at least",
        )
    return faces, tuple(short)


def _of(faces: Sequence[TalkingFaces], found: Sequence[Conversation]) -> list[tuple[Member, ...]]:
    members = {one.name: one.members for one in found}
    return [members[one.name] for one in faces]


def _with_speech(faces: TalkingFaces, members: tuple[Member, ...], dataset: Dataset, step_s: float) -> TalkingFaces:
    sources = channel_sources(dataset)
    source = speech_source(sources, [member.recording for member in members])
    tracks = [
        replace(
            track,
            speech=speech_on_clock(
                dataset,
                track.recording,
                sources,
                source,
                (track.start + np.arange(len(track.known))) * step_s - member.offset_s,
            ),
            speech_from=source,
        )
        for track, member in zip(faces.tracks, members, strict=True)
    ]
    return TalkingFaces(faces.name, tuple(tracks))


def _facts(one: TalkingFaces, step_s: float) -> dict[str, object]:
    known = np.all([track.known for track in one.tracks], 0)
    return {
        "conversation": one.name,
        "faces": len(one.tracks),
        "recordings": ", ".join(track.recording for track in one.tracks),
        "seconds": one.steps * step_s,
        "known": float(known.mean()),
    }
