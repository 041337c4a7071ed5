"""Videos to FLAME coefficients by the lab's own installation of SMIRK or EMOCA, run in its own environment.

Their code and models are licensed to the lab and need packages that do not fit beside dfe's: nothing of them is
imported, copied or downloaded. A checkout is run as a program, with its folder as working folder, and what it writes is
read by the readers of FLAME coefficients. What was written is kept by the video's content, the tool and its files, so
that a batch goes on where it stopped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dfe_core.artefact_names import DATASETS, EXTRACTION, MANIFEST, keyed_name
from dfe_core.audit import audited
from dfe_core.errors import DataError
from dfe_core.expressions.import_report import ImportReport
from dfe_core.expressions.importing import ImportOptions, import_dataset
from dfe_core.expressions.readers import flame, flame_frames
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.recording import Recording
from dfe_core.integrity import is_whole
from dfe_core.progress import Listener, Progress, silent
from dfe_core.store import artefact_path, atomic_directory, content_key, file_sha256, write_json
from dfe_core.video.reader import find_videos

VERSION = 1
"""Counted up when the same output of a tool gives other recordings."""
_LOG = "log.txt"
_OWN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
"""Of this process's environment, what would lead another interpreter to our packages."""
_PYTHONS = tuple(
    f"{folder}/{python}"
    for folder in (".venv", "venv", "env")
    for python in ("bin/python", "Scripts/python.exe", "python.exe")
)


@dataclass(frozen=True, kw_only=True)
class CheckoutTool:
    """How a tool is run, and what it leaves.

    needs: files of its checkout that it is run with. command: the program and its arguments for (interpreter, checkout,
    video, folder to write to). keep: what is kept of that folder, into a second one.
    """

    name: str
    needs: tuple[str, ...]
    command: Callable[[Path, Path, Path, Path], list[str]]
    keep: Callable[[Path, Path], None]


_CODES = "codes.npz"
_EMOCA = "gdl_apps/EMOCA/demos/test_emoca_on_video.py"


def _run_smirk(python: Path, checkout: Path, video: Path, out: Path) -> list[str]:
    driver = Path(__file__).with_name("smirk_driver.py")
    return [str(python), str(driver), str(video), str(out / _CODES)]


def _keep_smirk(out: Path, kept: Path) -> None:
    shutil.copy(out / _CODES, kept / _CODES)


def _run_emoca(python: Path, checkout: Path, video: Path, out: Path) -> list[str]:
    options = ["--input_video", str(video), "--output_folder", str(out), "--model_name", "EMOCA"]
    return [str(python), str(checkout / _EMOCA), *options, "--save_codes", "True"]


def _keep_emoca(out: Path, kept: Path) -> None:
    """Expression and pose of every frame, without the pictures."""
    for code in sorted(out.rglob("exp.npy")):
        frame = kept / "frames" / code.parent.name
        frame.mkdir(parents=True)
        for name in ("exp.npy", "pose.npy"):
            if (code.parent / name).is_file():
                shutil.copy(code.parent / name, frame / name)


TOOLS = {
    "smirk": CheckoutTool(
        name="smirk",
        needs=("src/smirk_encoder.py", "utils/mediapipe_utils.py", "trained_models/SMIRK_em1.pt"),
        command=_run_smirk,
        keep=_keep_smirk,
    ),
    "emoca": CheckoutTool(name="emoca", needs=(_EMOCA,), command=_run_emoca, keep=_keep_emoca),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class CheckoutReader:
    """Reads videos for `import_dataset` through a checkout; `open_checkout` makes it."""

    tool: CheckoutTool
    checkout: Path
    python: Path
    root: Path | None = None
    FORMAT = "video-flame"
    TITLE = "video through a checkout that estimates FLAME coefficients"
    MAX_BYTES = 1 << 40

    def read(self, path: Path, options: ReadOptions) -> list[Recording]:
        """One recording. Raises `DataError` where the tool fails, with the last line that it wrote."""
        folder = self.run(path)
        codes = folder / _CODES
        asked = replace(options, extractor=self.tool.name, fps=options.fps or video_rate(path))
        found = flame.read(codes, asked) if codes.is_file() else flame_frames.read(folder / "frames", asked)
        told = f"{self.tool.name} was run on the video in its own environment."
        return [replace(one, name=path.stem, notes=(told, *one.notes)) for one in found]

    def run(self, video: Path) -> Path:
        """The folder of what the tool wrote of a video; run only where it is not there yet."""
        key = content_key([VERSION, self.tool.name, file_sha256(video), *map(file_sha256, self._files())])
        folder = artefact_path("analyses", keyed_name(EXTRACTION, key), self.root)
        if not is_whole(folder):
            with atomic_directory(folder) as kept, tempfile.TemporaryDirectory(prefix="dfe-tool-") as out:
                self._run(video, Path(out), kept)
        return folder

    def _files(self) -> list[Path]:
        return [self.checkout / name for name in self.tool.needs]

    def _run(self, video: Path, out: Path, kept: Path) -> None:
        command = self.tool.command(self.python, self.checkout, video.resolve(), out)
        environment = {name: value for name, value in os.environ.items() if name not in _OWN}
        with open(kept / _LOG, "wb") as log:
            try:
                done = subprocess.run(
                    command, cwd=self.checkout, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.STDOUT, check=False,
                )  # fmt: skip
            except OSError as error:
                raise DataError(self.python, f"cannot be run ({error.strerror})", "the tool's interpreter") from None
        if done.returncode:
            raise DataError(video, f"{self.tool.name} ended with {done.returncode}: {_last_line(kept / _LOG)}",
                            f"a run that ends well: {' '.join(command[:2])} …")  # fmt: skip
        try:
            self.tool.keep(out, kept)
        except OSError:
            raise DataError(video, f"{self.tool.name} wrote no coefficients", "a face in the video") from None
        files = [path for path in kept.rglob("*") if path.is_file()]
        if len(files) < 2:
            raise DataError(video, f"{self.tool.name} wrote no coefficients", "a face in the video")
        hashes = {path.relative_to(kept).as_posix(): file_sha256(path) for path in files}
        about = {"schema_version": 1, "kind": "extraction", "tool": self.tool.name, "video": video.name}
        write_json(kept / MANIFEST, {**about, "video_sha256": file_sha256(video), "files": hashes})


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:160] if lines else "it wrote nothing"


def video_rate(video: Path) -> float | None:
    """Frames a second by the video's own header, None where it does not say."""
    import imageio_ffmpeg

    try:
        reader = imageio_ffmpeg.read_frames(str(video))
        rate = float(next(reader)["fps"])
        reader.close()
    except (OSError, RuntimeError, StopIteration, KeyError, ValueError, TypeError):
        return None
    return rate if 1 <= rate <= 960 else None


def open_checkout(
    tool: str, checkout: Path | None, python: Path | None = None, root: Path | None = None
) -> CheckoutReader:
    """A reader of videos through a checkout.

    python: the interpreter of the tool's environment (default: that of an environment inside the checkout).

    Raises `DataError` for an unknown tool, a folder that is no checkout of it, and where no interpreter is found.
    """
    known = TOOLS.get(tool)
    if known is None:
        raise DataError("--with", repr(tool), " or ".join(TOOLS))
    if checkout is None:
        raise DataError("--checkout", "no folder named", f"the folder of your own installation of {tool}")
    lacking = [name for name in known.needs if not (checkout / name).is_file()]
    if lacking:
        raise DataError(checkout, f"no {lacking[0]} in it", f"a checkout of {tool} with its models")
    inside = next((checkout / name for name in _PYTHONS if (checkout / name).is_file()), None)
    interpreter = python or inside
    if interpreter is None or not interpreter.is_file():
        found = f"no {interpreter}" if interpreter else f"no environment in it ({', '.join(_PYTHONS[::3])})"
        raise DataError(checkout, found, "--python PATH, the interpreter of the environment that the tool runs in")
    return CheckoutReader(tool=known, checkout=checkout.resolve(), python=interpreter.absolute(), root=root)


@audited("extract", DATASETS)
def extract_with_checkout(
    sources: Sequence[str | Path],
    reader: CheckoutReader,
    name: str,
    options: ImportOptions,
    *,
    root: Path | None = None,
    progress: Listener = silent,
) -> ImportReport:
    """Videos, or folders of them, through a checkout into a dataset of FLAME coefficients.

    A video on which the tool fails is skipped and named. Raises `DataError` as `import_dataset` does.
    """
    if (artefact_path("datasets", name, root) / MANIFEST).is_file():
        raise DataError(name, "a dataset of this name exists", f"another name, or `dfe rm {name}` first")
    videos = find_videos(sources)
    for done, video in enumerate(videos):
        progress(Progress(task="extract", done=done, total=len(videos), detail=video.name))
        try:
            reader.run(video)
        except DataError:
            continue  # the import names it
    progress(Progress(task="extract", done=len(videos), total=len(videos)))
    return import_dataset(videos, name, options, reader=reader, root=root, progress=progress)
