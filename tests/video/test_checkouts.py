"""SMIRK and EMOCA as the lab has them, by stand-ins of the same interface: a program, a folder, what it writes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.importing import ImportOptions
from dfe_core.video.checkouts import extract_with_checkout, open_checkout

FRAMES = 12
EMOCA = """
import argparse, pathlib, numpy as np, sys
parser = argparse.ArgumentParser()
for name in ("--input_video", "--output_folder", "--model_name"):
    parser.add_argument(name, type=str)
parser.add_argument("--save_codes", type=bool, default=False)
args = parser.parse_args()
video = pathlib.Path(args.input_video)
print("frames of", video.name)
if b"broken" in video.read_bytes():
    sys.exit("CUDA out of memory")
assert pathlib.Path("gdl_apps").is_dir() and args.save_codes
out = pathlib.Path(args.output_folder) / "processed_2026" / video.stem / "results" / args.model_name
for frame in [n for n in range(FRAMES) if n != 4]:
    here = out / f"{frame + 1:06d}_000"
    here.mkdir(parents=True)
    np.save(here / "exp.npy", np.full(50, frame / 10, np.float32))
    np.save(here / "pose.npy", np.array([0.5, 0, 0, frame / 100, 0, 0], np.float32))
    np.save(here / "detail.npy", np.zeros(128))
    (here / "geometry_detail.png").write_bytes(b"a picture")
""".replace("FRAMES", str(FRAMES))
SMIRK = {
    "src/smirk_encoder.py": """
        class SmirkEncoder:
            def to(self, device): return self
            def eval(self): return self
            def load_state_dict(self, held): assert list(held) == ["weight"], held
            def __call__(self, image):
                from torch import Tensor
                parts = {"expression_params": 50, "jaw_params": 3, "eyelid_params": 2, "pose_params": 3}
                return {name: Tensor([[image.values.mean()] * width]) for name, width in parts.items()}
    """,
    "utils/mediapipe_utils.py": """
        import numpy as np
        def run_mediapipe(picture):
            return np.array([[1, 1, 0], [9, 9, 0]]) if picture.any() else None
    """,
    "torch.py": """
        import contextlib, json, types
        import numpy as np
        class Tensor:
            def __init__(self, values): self.values = np.asarray(values)
            def permute(self, *axes): return Tensor(self.values.transpose(axes))
            def unsqueeze(self, axis): return Tensor(np.expand_dims(self.values, axis))
            def float(self): return Tensor(self.values.astype(np.float32))
            def __truediv__(self, by): return Tensor(self.values / by)
            def reshape(self, *shape): return Tensor(self.values.reshape(*shape))
            def to(self, device): return self
            def cpu(self): return self
            def numpy(self): return self.values
        tensor, no_grad = Tensor, contextlib.nullcontext
        cuda = types.SimpleNamespace(is_available=lambda: False)
        def load(path, map_location): return json.load(open(path))
    """,
    "cv2.py": """
        import numpy as np
        CAP_PROP_FPS, COLOR_BGR2RGB = 5, 4
        class VideoCapture:
            def __init__(self, path): self.light = list(open(path, "rb").read())
            def read(self):
                return (True, np.full((10, 10, 3), self.light.pop(0), np.uint8)) if self.light else (False, None)
            def get(self, what): return 20.0
            def release(self): pass
        def getAffineTransform(a, b): return np.eye(2, 3)
        def warpAffine(picture, turn, size): return np.full((*size, 3), picture.mean(), np.uint8)
        def cvtColor(picture, how): return picture
    """,
}


@pytest.fixture
def emoca(tmp_path) -> Path:
    script = tmp_path / "emoca" / "gdl_apps" / "EMOCA" / "demos" / "test_emoca_on_video.py"
    script.parent.mkdir(parents=True)
    script.write_text(EMOCA)
    return tmp_path / "emoca"


def test_emoca_is_run_in_its_folder_and_its_frames_are_read(tmp_path, cache, emoca):
    (tmp_path / "s1.mp4").write_bytes(b"video one")
    (tmp_path / "s2.mp4").write_bytes(b"broken")
    reader = open_checkout("emoca", emoca, Path(sys.executable))
    report = extract_with_checkout([tmp_path / "s1.mp4", tmp_path / "s2.mp4"], reader, "films", ImportOptions(fps=25.0))
    data = Dataset.open("films")
    assert data.face_id == "flame-50+jaw" and data.recordings["extractor"].tolist() == ["emoca"]
    frames = data.frames("s1")
    assert frames.frame.tolist() == [n for n in range(FRAMES) if n != 4] and frames.time_s[-1] == pytest.approx(0.44)
    assert frames.psi[-1, 0] == pytest.approx(1.1) and frames.psi[-1, -3] == pytest.approx(0.11)
    (told,) = [str(error) for _, error in report.skipped]
    assert "emoca ended with 1: CUDA out of memory" in told
    kept = [p for p in (cache / "analyses").rglob("*") if p.is_file()]
    assert not [p for p in kept if p.suffix == ".png"] and [p for p in kept if p.name == "log.txt"]


def test_what_a_tool_wrote_is_not_made_again(tmp_path, cache, emoca):
    (tmp_path / "s1.mp4").write_bytes(b"video one")
    reader = open_checkout("emoca", emoca, Path(sys.executable))
    folder = reader.run(tmp_path / "s1.mp4")
    stamp = (folder / "log.txt").stat().st_mtime_ns
    assert reader.run(tmp_path / "s1.mp4") == folder and (folder / "log.txt").stat().st_mtime_ns == stamp


def test_smirks_encoder_is_asked_frame_by_frame(tmp_path, cache):
    import textwrap

    checkout = tmp_path / "smirk"
    for name, text in SMIRK.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(textwrap.dedent(text))
    (checkout / "trained_models").mkdir()
    held = json.dumps({"smirk_encoder.weight": 0, "generator.x": 0})
    (checkout / "trained_models" / "SMIRK_em1.pt").write_text(held)
    (tmp_path / "s1.mp4").write_bytes(bytes([51, 102, 0, 204]))
    reader = open_checkout("smirk", checkout, Path(sys.executable))
    extract_with_checkout([tmp_path / "s1.mp4"], reader, "films", ImportOptions())
    data = Dataset.open("films")
    frames = data.frames("s1")
    assert data.recordings["fps"].tolist() == [20.0] and data.recordings["extractor"].tolist() == ["smirk"]
    assert frames.valid.tolist() == [True, True, False, True]
    assert frames.psi[:2, 0] == pytest.approx([0.2, 0.4], abs=1e-3) and frames.psi[3, -3] == pytest.approx(
        0.8, abs=1e-3
    )


def test_what_is_no_checkout_and_has_no_environment_is_told(tmp_path, emoca):
    with pytest.raises(DataError, match="no src/smirk_encoder.py"):
        open_checkout("smirk", emoca)
    with pytest.raises(DataError, match="--python"):
        open_checkout("emoca", emoca)
    with pytest.raises(DataError, match="smirk or emoca"):
        open_checkout("deca", emoca)
    with pytest.raises(DataError, match="--checkout"):
        open_checkout("emoca", None)
