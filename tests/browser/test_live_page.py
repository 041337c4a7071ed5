"""Real Chromium whose camera plays a film of a face: tokens come, a take is recorded, nothing leaves the tab."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfe_core.errors import DataError
from dfe_core.expressions.dataset import Dataset
from dfe_core.expressions.readers import mediapipe
from dfe_core.expressions.readers.options import ReadOptions
from dfe_core.expressions.split import split_dataset
from dfe_core.live.browser_landmarker import FILES, FOLDER, VERSION, install_landmarker, landmarker_folder
from dfe_core.tokenizer.config import Config
from dfe_core.tokenizer.storage import TrainingOrigin, save_model
from tests.browser.conftest import FLAGS, PROJECT, new_context
from tests.tiny_tokenizer import tiny_tokenizer
from train.browsers import find_browser

LIVE, FRAMES = ".dfe-live", 40
FRAMES_NOW = "() => Number(document.dfeLive.dataset.frames ?? 0)"
FIND = """() => {
  const find = (root) => root.querySelector(".dfe-live")
    ?? [...root.querySelectorAll("*")].map((e) => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
  document.dfeLive = find(document);
}"""


@pytest.fixture(scope="module")
def film(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some seconds of a real face, as Chromium's fake camera plays them."""
    source = shared / "data" / "faces" / "WolfgangLanger_Pexels.mp4"
    if not source.is_file() or not (shared / "models" / "face_landmarker.task").is_file():
        pytest.skip("no film of a face, or no face_landmarker.task, in the shared data")
    import imageio_ffmpeg

    made = tmp_path_factory.mktemp("camera") / "face.mjpeg"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-t", "4", "-i", str(source)]
    subprocess.run([*command, "-vf", "scale=320:180", "-c:v", "mjpeg", "-q:v", "4", "-an", str(made)], check=True)
    return made


@pytest.fixture(scope="module")
def installed(small_cache: Path) -> None:
    """The landmarker for browsers: linked from the checkout's own cache, else fetched; a skip without either."""
    kept = Path(os.environ.get("DFE_LANDMARKER", PROJECT / "cache" / FOLDER / VERSION))
    if all((kept / name).is_file() for name in FILES):
        landmarker_folder(small_cache).parent.mkdir(exist_ok=True)
        landmarker_folder(small_cache).symlink_to(kept, target_is_directory=True)
        return
    try:
        install_landmarker(root=small_cache)
    except DataError as error:
        pytest.skip(f"no landmarker for browsers here (dfe live --get-landmarker): {error.found}")


@pytest.fixture(scope="module")
def codebook(small_cache: Path, toy_face) -> Iterator[str]:
    """A codebook with weights, while the tests of this file run."""
    folder, dataset = small_cache / "models" / "live", Dataset.open("simulated", small_cache)
    folder.mkdir()
    model = tiny_tokenizer(toy_face)
    split = split_dataset(dataset, 0.25, 0.1)
    config = Config(tokenizer=model.config)
    save_model(
        model, folder, TrainingOrigin(dataset=dataset, split=split, config=config, face=toy_face, run_key="live")
    )
    yield "live"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


@pytest.fixture
def page(browser, film: Path, installed, codebook: str, server: str) -> Iterator:
    """The page Live in a Chromium whose camera plays the film."""
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    running = browser.browser_type.launch(
        executable_path=find_browser(), args=[*FLAGS, *camera, f"--use-file-for-fake-video-capture={film}"]
    )
    made = new_context(running, permissions=["camera"], accept_downloads=True).new_page()
    made.heard = []
    made.on("websocket", lambda socket: socket.on("framesent", lambda data: made.heard.append(("websocket", data))))
    made.goto(f"{server}/live?model={codebook}")
    made.wait_for_selector(f"{LIVE}[data-state=drawn]", timeout=90_000)
    made.evaluate(FIND)
    yield made
    running.close()


def button(page, name: str):
    return page.locator(f'{LIVE} button:text-is("{name}")')


def wait_for_frames(page, more: int) -> None:
    """Until so many pictures more were looked at."""
    before = page.evaluate(FRAMES_NOW)
    page.wait_for_function(f"({FRAMES_NOW})() >= {before + more}", timeout=180_000)


def test_a_camera_gives_tokens_and_a_take_that_imports_and_nothing_is_sent(page, shared: Path, tmp_path: Path):
    page.set_input_files(f"{LIVE} input[type=file]", str(shared / "models" / "face_landmarker.task"))
    page.wait_for_selector(f"{LIVE}[data-stage=ready]")
    page.heard.clear()
    page.on("request", lambda request: page.heard.append((request.method, request.url, request.post_data_buffer)))
    button(page, "Start the camera").click()
    page.wait_for_selector(f"{LIVE}[data-stage=running][data-tokens]", timeout=180_000)
    wait_for_frames(page, 10)
    for _ in range(10):  # a busy machine may see too few pictures in these seconds, and then the page asks for more
        page.evaluate("() => { delete document.dfeLive.dataset.rest; }")
        button(page, "Rest your face for 3 s").click()
        page.wait_for_selector(f"{LIVE}[data-rest]", timeout=180_000)
        if page.locator(f"{LIVE}[data-rest=found]").count():
            break
    page.wait_for_selector(f"{LIVE}[data-rest=found]", timeout=1000)
    button(page, "Record").click()
    wait_for_frames(page, FRAMES)
    button(page, "Stop recording").click()
    with page.expect_download() as take:
        button(page, "Download the take").click()
    take.value.save_as(tmp_path / "take.csv")
    button(page, "Stop the camera").click()
    page.wait_for_selector(f"{LIVE}[data-stage=ready]")
    fetched = [url.rsplit("/", 1)[-1] for method, url, body in page.heard if (method, body) == ("GET", None)
               and not url.startswith("blob:")]  # fmt: skip
    assert len(fetched) + sum(one[1].startswith("blob:") for one in page.heard) == len(page.heard), page.heard
    assert set(fetched) <= set(FILES), "once it runs, the landmarker's own files are all that is asked for"
    (recording,) = mediapipe.read(tmp_path / "take.csv", ReadOptions())
    assert recording.valid.sum() >= FRAMES - 5 and recording.psi.max() > 0.1
    assert set(mediapipe.POSE_COLUMNS) <= set(recording.extras)
