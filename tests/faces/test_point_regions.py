"""Landmarks of a lab's own scheme get regions and sides of a table, and codewords names of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.point_regions import read_point_regions, says_regions
from dfe_core.faces import REGIONS, open_face, save_face
from dfe_core.faces.model import SIDES
from dfe_core.gaps.observation import half_vertices
from dfe_core.intervals.annotate import IntervalInputs, IntervalSettings, find_intervals
from dfe_core.intervals.regions import region_spaces
from dfe_core.render.palette import REST_COLOUR, region_colour
from dfe_core.tokenizer.fidelity import region_grams
from dfe_core.tokenizer.geometry import codeword_geometry, largest_by_region
from dfe_core.tokenizer.latent import seen_gram
from dfe_core.tokens.describe import codeword_descriptions
from dfe_core.tokens.own_parts import plural_of
from dfe_core.tokens.phrasing import description_sentence, plain_name
from tests.captures import live_link, performance, write
from tests.moving_points import take
from tests.planted_cats import CAT_REGIONS, cat_movements, resting_cat, write_cats, write_points, write_regions

OPTIONS = ImportOptions(face="learn", subject_pattern=r"(?P<subject>cat\d)_", simulated=True)


def imported(folder: Path, table: Path | None, name: str = "cats", **options) -> str:
    chosen = ImportOptions(**{**vars(OPTIONS), "point_regions": table, **options})
    return import_dataset(sorted(folder.glob("cat*_1.csv")), name, chosen, root=folder / "cache").face


@pytest.fixture(scope="module")
def cats(tmp_path_factory):
    """A folder of simulated cats, and the face that was learned from them with a table of regions."""
    folder = tmp_path_factory.mktemp("cats")
    write_cats(folder)
    name = imported(folder, write_regions(folder / "points.csv"))
    return folder, open_face(name, folder / "cache")


def planted(face, *weights: np.ndarray) -> np.ndarray:
    """(K, E) ψ of movements of the cat in px, (48, 2) each."""
    scale = np.ptp(face.template[:, 0]) / np.ptp(resting_cat()[:, 0])
    flat = face.basis.reshape(face.coefficients, -1)
    fields = [np.pad(field * (scale, -scale), ((0, 0), (0, 1))).ravel() for field in weights]
    return np.stack([np.linalg.lstsq(flat.T, field, rcond=None)[0] for field in fields])


def test_points_get_the_regions_and_sides_that_the_table_says(cats):
    _, face = cats
    assert face.region_names == (*REGIONS, "ear", "muzzle", "chin pad")
    assert [face.region_names[code] for code in face.regions] == CAT_REGIONS
    x = resting_cat()[:, 0]
    assert [SIDES[code] for code in face.sides] == np.where(
        x > 0.5, "left", np.where(x < -0.5, "right", "centre")
    ).tolist()


def test_codewords_are_named_by_the_planted_movements(cats):
    _, face = cats
    ears, eyes, mouth = cat_movements()
    psi = planted(face, ears, eyes, mouth, -ears, 0 * ears)
    made = codeword_descriptions(psi, face)
    assert [plain_name(d) for d in made] == [
        "Both ears out",
        "Both eyes narrow",
        "Both chin pads down + muzzle down",
        "Both ears in",
        "Rest: nothing moves",
    ]
    assert description_sentence(made[0]).startswith("Both ears out: both ears out and down")
    table = codeword_geometry(psi, face)
    assert table["region"].tolist()[:2] == ["ear", "eye"] and table["region"].iloc[-1] == "none"
    assert set(table["side"]) == {"symmetric", "rest"}
    assert table["mm_ear_left"][0] == pytest.approx(table["mm_ear_right"][0], rel=0.01) and table["mm_ear_left"][0] > 5


def test_one_ear_is_named_with_its_side(cats):
    _, face = cats
    basis = face.basis.copy()
    basis[0] = 0
    basis[0, :5, 1] = 0.01  # the ear at the left of the picture, which is the cat's right one
    one = type(face)(**{**{n: getattr(face, n) for n in face.__dataclass_fields__}, "basis": basis})
    psi = np.eye(face.coefficients)[:1]
    assert plain_name(codeword_descriptions(psi, one)[0]) == "Right ear up"
    assert codeword_geometry(psi, one)["side"].tolist() == ["right"]


def test_a_region_on_the_midline_alone_is_one_thing(cats):
    _, face = cats
    sides, regions, basis = face.sides.copy(), face.regions.copy(), np.zeros_like(face.basis)
    regions[[36, 39]], regions[32:36], regions[37:39] = face.region_names.index("chin pad"), 8, 8
    regions[46:] = 8
    basis[0, [36, 39], 0] = 0.01
    fields = {n: getattr(face, n) for n in face.__dataclass_fields__}
    one = type(face)(**{**fields, "basis": basis, "sides": sides, "regions": regions})
    psi = np.eye(face.coefficients)[:1]
    assert plain_name(codeword_descriptions(psi, one)[0]) == "Chin pad to the left"
    assert largest_by_region(psi[0], one)["chin pad", "left"] == pytest.approx(10)


def test_magnitudes_metric_and_file_know_the_regions(cats):
    folder, face = cats
    assert set(region_grams(face)) == {"face", *CAT_REGIONS}
    assert not np.allclose(seen_gram(face, "ear"), face.gram)
    with pytest.raises(DataError, match="no region 'brow'.*eye, nose, cheek, ear, muzzle, chin pad"):
        seen_gram(face, "brow")
    again = open_face(face.id, folder / "cache")
    data = Dataset.open("cats", folder / "cache")
    assert again.region_names == face.region_names and data.simulated
    said = "by points.csv: eye 16, nose 6, cheek 6, ear 10, muzzle 8, chin pad 2; centre 4, left 22, right 22."
    assert any(note.endswith(said) for note in data.manifest["notes"])
    with pytest.raises(DataError, match="'tail'.*brow, eye, cheek, mouth, head, ear, muzzle"):
        find_intervals(
            IntervalInputs(codebook=SimpleNamespace(names=data.names), face=face, dataset=data),
            IntervalSettings(regions=("tail",)),
        )
    assert list(region_spaces(face)) == ["eye", "cheek", "ear", "muzzle", "chin pad"]
    upper = half_vertices(face, "upper")
    assert upper[:26].all() and not upper[32:40].any() and not (upper & half_vertices(face, "lower")).any()
    colours = [region_colour(name) for name in ("ear", "muzzle", "chin pad", "eye")]
    assert len(set(colours)) == 4 and REST_COLOUR not in colours


def test_another_table_is_another_face_and_none_is_as_before(cats):
    folder, face = cats
    plain = open_face(imported(folder, None, "plain"), folder / "cache")
    assert plain.id != face.id and plain.region_names == REGIONS and set(plain.regions) == {REGIONS.index("other")}
    np.testing.assert_array_equal(plain.basis, face.basis)
    unsided = open_face(imported(folder, write_regions(folder / "u.csv", sides=False), "unsided"), folder / "cache")
    np.testing.assert_array_equal(unsided.sides, plain.sides)
    np.testing.assert_array_equal(unsided.regions, face.regions)


def test_left_and_right_of_the_picture_are_refused(cats):
    folder, _ = cats
    with pytest.raises(DataError, match="left points to the right of the right ones.*in a picture from the front"):
        imported(folder, write_regions(folder / "mirrored.csv", mirrored=True), "m")
    assert not (folder / "cache" / "datasets" / "m").exists()


def test_points_with_names_are_found_by_them(tmp_path: Path):
    write_cats(tmp_path, animals=2, frames=60)
    for path in tmp_path.glob("cat*_1.csv"):
        table = pd.read_csv(path)
        table.columns = [
            "time",
            *(f"p{'abcdefgh'[i // 6]}{'uvwxyz'[i % 6]}_{axis}" for i in range(48) for axis in "xy"),
        ]
        table.to_csv(path, index=False)
    table = write(tmp_path / "points.csv", "point,region\nPau,ear\npav,Ear\npaw,whisker_pad\n")
    face = open_face(imported(tmp_path, table), tmp_path / "cache")
    assert [face.region_names[code] for code in face.regions[:4]] == ["ear", "ear", "whisker pad", "other"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x,y\n1,2\n", "the columns x, y; expected a table with the columns point and region"),
        ("point,region\n0,ear\n0,ear\n", "row 3: point '0' a second time; expected each point once"),
        ("point,region,side\n0,ear,west\n", "row 2: the side 'west'; expected left, right or centre"),
        ("point,region\n0,none\n", "row 2: the region 'none'; expected one of brow"),
        ("point,region\n0,<b>\n", "row 2: the region '<b>'"),
        ("point,region\n,ear\n", "row 2: no point"),
        ("point,region\n0,\n", "no region; expected"),
        ("point,region\n48,ear\n", "row 2: point '48'; expected 0 to 47"),
        ("point,region\n0,ear\ntail,ear\n", "row 3: point 'tail'; expected 0 to 47"),
    ],
)
def test_a_wrong_table_is_refused_with_its_row(tmp_path: Path, text: str, fault: str):
    with pytest.raises(DataError) as caught:
        read_point_regions(write(tmp_path / "t.csv", text)).of_points([str(i) for i in range(48)])
    assert fault in str(caught.value)


def test_regions_are_refused_where_no_face_is_learned_from_own_landmarks(tmp_path: Path, toy_face):
    save_face(toy_face, tmp_path / "cache")
    table, take = write_regions(tmp_path / "t.csv"), write(tmp_path / "a.csv", live_link(performance(40)))
    for face in ("toy-1", "learned-0123456789", "auto"):
        with pytest.raises(DataError, match="--point-regions: with --face"):
            import_dataset([take], "d", ImportOptions(face=face, point_regions=table), root=tmp_path / "cache")


def test_a_scheme_with_as_many_points_as_a_known_one_is_the_labs_own(cats, tmp_path: Path):
    """48 landmarks of a cat and three more are as many as iBUG's without the jaw."""
    for path in sorted(cats[0].glob("cat*_1.csv")):
        frames = pd.read_csv(path)
        more = {
            f"{axis}_{new}": frames[f"{axis}_{of}"] + new / 10
            for new, of in ((48, 5), (49, 20), (50, 40))
            for axis in "xy"
        }
        pd.concat([frames, pd.DataFrame(more)], axis=1).to_csv(tmp_path / path.name, index=False)
    name = imported(tmp_path, write_regions(tmp_path / "points.csv"))
    face = open_face(name, tmp_path / "cache")
    assert not face.landmarks and face.region_names[-3:] == ("ear", "muzzle", "chin pad")
    assert [face.region_names[code] for code in face.regions[:48]] == CAT_REGIONS
    again = Dataset.open("cats", tmp_path / "cache"), Dataset.open(_more(tmp_path, name), tmp_path / "cache")
    assert all(not any("by their number" in note for note in notes_of(data)) for data in again)
    np.testing.assert_allclose(again[0].frames("cat1_1").psi, again[1].frames("cat1_1").psi, rtol=0.01, atol=0.01)
    imported(tmp_path, None, "guessed")
    guessed = Dataset.open("guessed", tmp_path / "cache")
    assert any("not taken for a known layout of so many, for the" in note for note in notes_of(guessed))
    plain = open_face(guessed.face_id, tmp_path / "cache")
    assert not plain.landmarks and set(plain.regions) == {REGIONS.index("other")}
    insisted = Dataset.open(_more(tmp_path, "learn", "insisted", landmark_layout="known"), tmp_path / "cache")
    assert insisted.manifest["learned"]["layout"] == "iBUG 51"


def _more(folder: Path, face: str, name: str = "more", **options) -> str:
    imported(folder, None, name, face=face, **options)
    return name


def test_a_layout_is_guessed_said_and_kept(tmp_path: Path):
    """People's 51 landmarks in any table: guessed, unless the lab says no; more recordings are of the face's layout."""
    columns = [f"{axis}_{i}" for i in range(51) for axis in "xyz"]
    for seed in (0, 1):
        points = 1000 * take(seed, frames=60).points[:, 17:].reshape(60, -1)
        pd.DataFrame(points, columns=columns).to_csv(tmp_path / f"cat{seed}_1.csv", index=False)

    def data(name: str, face: str = "learn", **options) -> Dataset:
        return Dataset.open(_more(tmp_path, face, name, fps=25, **options), tmp_path / "cache")

    guessed, own = data("guessed"), data("own", landmark_layout="own")
    assert guessed.manifest["learned"]["layout"] == "iBUG 51" and own.manifest["learned"]["layout"] is None
    assert all(
        "taken for those of iBUG 51, by their number" in source["notes"][1] for source in guessed.manifest["sources"]
    )
    assert guessed.face_id != own.face_id
    assert not any("known layout" in note or "by their number" in note for note in notes_of(own))
    more = [data(f"more-{one.name}", one.face_id) for one in (guessed, own)]
    assert [one.manifest["learned"]["layout"] for one in more] == ["iBUG 51", None]
    for options, fault in (
        ({"landmark_layout": "both"}, "no such method"),
        ({"landmark_layout": "own", "face": own.face_id}, "with --face learned"),
        ({"landmark_layout": "known", "point_regions": write_regions(tmp_path / "t.csv")}, "one of both"),
    ):
        with pytest.raises(DataError, match=fault):
            data("refused", **options)


def notes_of(data: Dataset) -> list[str]:
    return [note for source in data.manifest["sources"] for note in source["notes"]]


def test_the_table_of_a_pictures_landmarks_may_say_the_regions(tmp_path: Path):
    assert says_regions(write_regions(tmp_path / "both.csv")) and not says_regions(write_points(tmp_path / "p.csv"))


def test_plurals():
    assert [plural_of(noun) for noun in ("ear", "whiskers", "eyelash", "body", "eye")] == [
        "ears", "whiskers", "eyelashes", "bodies", "eyes"
    ]  # fmt: skip
