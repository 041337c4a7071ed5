"""Effect files: what they plant, and what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.simulate.dataset import truth_table
from dfe_core.simulate.effects import assign_labels, draw_habits, read_effect, realised, shipped_effects
from dfe_core.simulate.events import draw_events
from dfe_core.simulate.repertoire import INDEX


def simulate_events(effect, subjects=150, minutes=2.0):
    labels = assign_labels(np.random.default_rng(0), effect, subjects, 2)
    names = [f"s{s}-{j}" for s in range(subjects) for j in range(2)]
    tables = []
    for subject in range(subjects):
        rng = np.random.default_rng(subject)
        own = labels.iloc[2 * subject : 2 * subject + 2].reset_index(drop=True)
        events = draw_events(rng, draw_habits(rng, effect, own, minutes), minutes * 60)
        tables.append(truth_table(events, names[2 * subject : 2 * subject + 2]))
    return labels.assign(recording=names), pd.concat(tables)


def test_the_planted_effect_sizes_show_in_the_events_that_are_drawn():
    effect = read_effect("stress")
    for row in realised(effect, *simulate_events(effect, subjects=250)):
        assert row["realised_d"] == pytest.approx(row["d"], abs=0.45), row


def test_the_effect_of_the_default_data_lies_mostly_where_a_detector_does_not_look():
    from dfe_core.facs.action_units import EMISSIONS

    effect = read_effect("default")
    rows = pd.DataFrame(realised(effect, *simulate_events(effect)))
    assert (rows["realised_d"] * np.sign(rows["d"]) > 0.2).all(), "each planted shift shows in the events"
    seen = rows["action"].isin(EMISSIONS["openface-r"].aus)
    size = rows["realised_d"] ** 2
    for label in ("condition", "group", "arousal"):
        own = rows["label"] == label
        assert size[own & ~seen].sum() > 2 * size[own & seen].sum(), label


def test_an_effect_may_set_how_often_an_action_happens(tmp_path):
    path = tmp_path / "often.toml"
    path.write_text("rates = { AU9 = 6.0 }\n[[label]]\nname = 'condition'\nunit = 'recording'\nlevels = ['a', 'b']")
    counts = [
        (simulate_events(effect, subjects=60)[1]["action"] == "AU9").sum()
        for effect in (read_effect("none"), read_effect(path))
    ]
    assert counts[1] - counts[0] == pytest.approx((6.0 - 0.9) * 60 * 4, rel=0.25)


def test_without_an_effect_the_labels_tell_nothing_of_the_events():
    labels, truth = simulate_events(read_effect("none"))
    counts = truth.groupby(["recording", "action"]).size().unstack(fill_value=0).reindex(labels["recording"])
    for action in ("AU4", "AU12", "mouthSideways", "AU45"):
        for column, level in (("condition", "stress"), ("group", "patient")):
            high = (labels[column] == level).to_numpy()
            a, b = counts.loc[high, action], counts.loc[~high, action]
            assert abs(a.mean() - b.mean()) < 0.3 * np.sqrt((a.var() + b.var()) / 2), (action, column)


def test_the_one_sided_effect_moves_sides_and_not_how_often():
    labels, truth = simulate_events(read_effect("one-sided"))
    stress = set(labels.loc[labels["condition"] == "stress", "recording"])
    smiles = truth[(truth["action"] == "AU12") & (truth["side"] != "both")]
    inside = smiles["recording"].isin(stress)
    left = smiles["side"] == "left"
    assert left[inside].mean() > left[~inside].mean() + 0.2
    assert inside.sum() == pytest.approx((~inside).sum(), rel=0.15)


def test_levels_are_balanced_within_every_subject_where_the_unit_is_the_recording():
    labels = assign_labels(np.random.default_rng(1), read_effect("default"), 9, 2)
    for subject in range(9):
        rows = labels.iloc[2 * subject : 2 * subject + 2]
        assert set(rows["condition"]) == {"calm", "stress"}
        assert rows["group"].nunique() == 1


def test_every_shipped_effect_file_reads():
    assert set(shipped_effects()) == {
        "default",
        "no-beyond-facs",
        "none",
        "one-sided",
        "outside",
        "palsy",
        "seen-by-detectors",
        "stress",
    }
    for name in shipped_effects():
        assert read_effect(name).labels or read_effect(name).palsy


def test_the_effect_outside_facs_plants_nothing_that_facs_names():
    from dfe_core.simulate.repertoire import ACTIONS

    shifts = [s for label in read_effect("outside").labels for s in label.shifts]
    assert shifts and not any(ACTIONS[INDEX[s.action]].in_facs for s in shifts)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("not toml [", "not readable as TOML"),
        ("title = 'x'", "no [[label]] table"),
        ("[[label]]\nname='recording'\nunit='subject'", "not usable as the name"),
        ("[[label]]\nname='a'\nunit='frame'", "unit 'frame'"),
        ("[[label]]\nname='a'\nunit='subject'\nlevels=['x']", "levels ['x']"),
        ("[[label]]\nname='a'\nunit='subject'\nshifts=[{action='AU99',statistic='rate',d=1}]", "a shift of 'AU99'"),
        ("[[label]]\nname='a'\nunit='subject'\nshifts=[{action='AU4',statistic='mood',d=1}]", "statistic 'mood'"),
        ("[[label]]\nname='a'\nunit='subject'\nshifts=[{action='AU1',statistic='left_share',d=1}]", "has no sides"),
        ("[[label]]\nname='a'\nunit='subject'\nshifts=[{action='AU4',statistic='rate',d=nan}]", "d nan"),
        ("labels_of='default'\nomit=['AU99']", "omit ['AU99']"),
        ("omit='AU4'\n[[label]]\nname='a'\nunit='subject'", "omit 'AU4'"),
        ("[[label]]\nname='a'\nunit='subject'\n[[label]]\nname='a'\nunit='subject'", "two labels of one name"),
    ],
)
def test_a_broken_effect_file_is_refused_by_one_line_that_names_it(tmp_path, text, found):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_effect(path)
    assert found in str(caught.value) and "mine.toml" in str(caught.value) and "\n" not in str(caught.value)


def test_an_effect_file_that_is_not_there_is_said_with_the_shipped_names():
    with pytest.raises(DataError, match="one-sided"):
        read_effect("nowhere.toml")
