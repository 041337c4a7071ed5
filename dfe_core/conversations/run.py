"""The conversations of a dataset, brought onto one clock and analysed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dfe_core.channels.sources import channel_sources
from dfe_core.conversations.analysis import analyse_faces
from dfe_core.conversations.members import Conversation, Member, find_conversations, pair_roles
from dfe_core.conversations.pairing import TalkingFaces
from dfe_core.conversations.result import ConversationResult
from dfe_core.conversations.settings import ConversationSettings
from dfe_core.conversations.tracks import FaceTrack, Things, common_step, things_of, track_of_tokens
from dfe_core.conversations.turns import speech_on_clock, speech_source
from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.progress import Listener, Progress, silent
from dfe_core.syllables.segments import COLUMNS
from dfe_core.syllables.store import require_syllables
from dfe_core.tokenizer.codebook import Codebook
from dfe_core.tokens.cache import TokenCache, Tokens
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
    followed = _followed(codebook, tokens, settings)
    step_s = settings.step_s or _step(dataset, found)
    tracks = _tracks(tokens, found, followed, step_s, progress)
    faces, left_out = common_parts(found, tracks, step_s, settings)
    faces = [_with_speech(one, members, dataset, step_s) for one, members in zip(faces, _of(faces, found), strict=True)]
    tables = analyse_faces(faces, followed.things.table, step_s, settings, progress)
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


@dataclass(frozen=True, eq=False, kw_only=True)
class OpenedConversation:
    """One conversation on its clock. step_s: of the clock. things: what its tracks hold, a column each. members: in the
    order of faces.tracks."""

    faces: TalkingFaces
    members: tuple[Member, ...]
    things: Things
    step_s: float


def open_conversation(
    codebook: Codebook, dataset: Dataset, tokens: TokenCache, settings: ConversationSettings, name: str
) -> OpenedConversation:
    """The faces of one conversation on the clock that `analyse_conversations` uses, with speech.

    Raises `DataError` for a name that is no conversation of these settings.
    """
    found = find_conversations(dataset.recordings, settings)
    own = [one for one in found if one.name == name]
    if not own:
        raise DataError(name, "no conversation of this name", "one of " + ", ".join(one.name for one in found[:20]))
    followed, step_s = _followed(codebook, tokens, settings), settings.step_s or _step(dataset, found)
    sizes, tracks = codeword_sizes(tokens), {}
    for member in own[0].members:
        part = tokens.recording(member.recording)
        if len(part.frame) > 1:
            tracks[member.recording] = followed.track(part, sizes, member.offset_s, step_s)
    _require_tracks(tracks, [member.recording for member in own[0].members])
    (faces,), _ = common_parts(own, tracks, step_s, settings)
    faces = _with_speech(faces, own[0].members, dataset, step_s)
    return OpenedConversation(faces=faces, members=own[0].members, things=followed.things, step_s=step_s)


@dataclass(frozen=True, eq=False)
class _Followed:
    """What is followed, and the segments of syllables by recording; None without syllables."""

    things: Things
    segments: Mapping[str, pd.DataFrame] | None

    def track(self, part: Tokens, sizes_mm: np.ndarray, offset_s: float, step_s: float) -> FaceTrack:
        """The track of one recording."""
        own = None
        if self.segments is not None:
            own = self.segments.get(part.recording, pd.DataFrame(columns=list(COLUMNS)))
        return track_of_tokens(part, sizes_mm, self.things, offset_s, step_s, own)


def _followed(codebook: Codebook, tokens: TokenCache, settings: ConversationSettings) -> _Followed:
    if not settings.syllables:
        return _Followed(things_of(codebook.table), None)
    syllables = require_syllables(tokens)
    segments = {str(name): part for name, part in syllables.segments.groupby("recording", observed=True)}
    return _Followed(things_of(codebook.table, syllables.table), segments)


def _require_tracks(tracks: Mapping[str, FaceTrack], names: Iterable[str]) -> None:
    if missing := [name for name in names if name not in tracks]:
        raise DataError(missing[0], "no frames with tokens", "a face with valid frames in every recording")


def _tracks(
    tokens: TokenCache, found: Sequence[Conversation], followed: _Followed, step_s: float, progress: Listener
) -> dict[str, FaceTrack]:
    """The track of every member, by recording. Raises `DataError` for one without a frame."""
    offsets = {member.recording: member.offset_s for one in found for member in one.members}
    sizes = codeword_sizes(tokens)
    tracks: dict[str, FaceTrack] = {}
    for part in iter_recordings(tokens):
        if part.recording in offsets and len(part.frame) > 1:
            progress(Progress(task="faces", done=len(tracks), total=len(offsets), detail=part.recording))
            tracks[part.recording] = followed.track(part, sizes, offsets[part.recording], step_s)
    _require_tracks(tracks, offsets)
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
