"""Lanes of the player's timeline: head, gaze, eyelids, jaw and tracking, as the browser gets them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from dashboard.data.channel_lanes import MOST_AUS, au_lane, channel_lanes, pack_parts
from dfe_core.channels.series import ChannelSeries

TIME = np.arange(100) / 10


def series(**channels) -> ChannelSeries:
    return ChannelSeries(recording="r", time_s=TIME, counted=np.ones(100, bool), lost=np.zeros(100, bool), **channels)


def test_curves_are_on_their_scale_and_unknown_frames_are_marked():
    head = np.column_stack([30 + 8 * np.sin(TIME), np.zeros(100), np.zeros(100)])
    head[:10] = np.nan
    talks = np.where((TIME >= 2) & (TIME < 4), 1.0, 0.0)
    lanes = channel_lanes(
        series(
            head_deg=head,
            closure=np.full(100, 0.5),
            blinks=np.array([[1.0, 1.2], [9.5, 9.7]]),
            jaw=np.full(100, 0.1),
            speech=talks,
        ),
        np.arange(50),
    )
    header, curves = pack_parts(lanes, TIME[:50])
    assert [lane["label"] for lane in header["lanes"]] == ["Head", "Eyelids", "Jaw"]
    assert [lane["first"] for lane in header["lanes"]] == [0, 3, 4] and curves.shape == (5, 50)
    assert (curves[:3, :10] == 255).all() and (curves[:3, 10:] < 255).all()
    low, high = header["lanes"][0]["low"], header["lanes"][0]["high"]
    shown = low + curves[0, 10:] / 254 * (high - low)
    assert shown == pytest.approx(head[10:50, 0] - np.median(head[10:50, 0]), abs=0.1)
    assert (curves[3] == 127).all() and (curves[4] == 127).all(), "half of the eyelids' scale, and of the least jaw's"
    assert header["lanes"][1]["spans"] == [[1.0, 1.2]], "those of the part on show"
    assert header["lanes"][2]["spans"] == [[2.0, 3.9]]
    json.dumps(header, allow_nan=False)


def test_a_recording_without_channels_has_no_lane():
    header, curves = pack_parts(channel_lanes(series(), np.arange(100)), TIME)
    assert header == {"lanes": []} and curves.shape == (0, 100)


def test_action_units_are_the_strongest_on_the_frames_on_show_and_unknown_where_the_tool_has_none():
    level = np.tile(np.linspace(0.1, 4, 20), (50, 1)).astype(np.float32)
    codes = tuple((f"AU{code}", "left" if code % 2 else "both") for code in range(1, 21))
    aus = SimpleNamespace(
        aus=codes, recordings=("r",), recording=lambda name: SimpleNamespace(frame=np.arange(0, 100, 2), level=level)
    )
    lane = au_lane(aus, "r", np.arange(10, 20))
    assert lane.names[-2:] == ("AU19 left", "AU20") and lane.rows and len(lane.names) == MOST_AUS
    assert (lane.steps[:, 1::2] == 255).all() and (lane.steps[-1, ::2] == round(4 / 5 * 254)).all()
    assert au_lane(aus, "other", np.arange(10)) is None
    level[:] = 0.1
    assert au_lane(aus, "r", np.arange(10, 20)) is None
