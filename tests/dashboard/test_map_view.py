"""What the map says of its clusters and of itself, and whose faces come first."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dashboard.views.map_view import caption, cluster_name, density_parts, labels, shown_first

TABLE = pd.DataFrame(
    {
        "region": ["mouth corner", "mouth corner", "brow", "jaw", "eye", None],
        "side": ["left", "right", "symmetric", "symmetric", "left", "rest"],
    }
)


@pytest.mark.parametrize(
    ("codewords", "name"),
    [
        ([0, 0, 0, 2], "Mouth corner, left"),
        ([0, 1], "Mouth corner"),
        ([2, 2, 1], "Brow, both sides"),
        ([2, 3, 4], "Brow and jaw, both sides"),
        ([5, 5], "Rest"),
    ],
)
def test_a_cluster_is_named_by_region_and_side(codewords, name):
    assert cluster_name(TABLE.iloc[codewords]) == name


def made(of: str = "frames", **manifest) -> SimpleNamespace:
    points = pd.DataFrame(
        {"codeword": [0, 0, 2, 2, 2, 3], "x": np.arange(6.0), "y": 0.0, "cluster": [1, 1, 0, 0, 0, -1]}
    )
    facts = {"settings": {"of": of, "method": "umap"}, "points": 6, "total": 900, "sampled": of == "frames"}
    return SimpleNamespace(points=points, middles=[3, 0], manifest=facts | manifest, quality={"trustworthiness": 0.876})


def test_every_cluster_has_its_name_where_its_middle_is():
    assert labels(made(), TABLE) == [
        {"name": "Brow, both sides", "at": [3.0, 0.0], "points": 3},
        {"name": "Mouth corner, left", "at": [0.0, 0.0], "points": 2},
    ]


def test_faces_of_the_middles_come_first_and_every_point_once():
    assert shown_first(made(), 6)[:2].tolist() == [3, 0] and sorted(shown_first(made(), 6)) == list(range(6))
    assert len(shown_first(made(), 4)) == 4


def test_the_caption_is_one_line():
    assert caption(made()) == "6 of 900 frames · UMAP · trustworthiness 0.88"
    assert caption(made("codewords")) == "6 codewords · UMAP · trustworthiness 0.88"


def test_lines_of_a_density_lie_one_after_another_in_its_outline():
    counts = np.zeros((20, 20), np.int64)
    counts[4:8, 4:8], counts[14:17, 12:15] = 9, 2
    header, arrays = density_parts({"counts": counts, "x_edges": np.arange(21.0), "y_edges": np.arange(21.0)})
    ends = [(start, end) for _, start, end in header["lines"]]
    assert ends[0][0] == 0 and ends[-1][1] == len(arrays["outline"])
    assert all(a[1] == b[0] for a, b in pairwise(ends))
