"""Walk the widgets through a real JupyterLab and a real marimo in Chromium, and keep pictures of what is seen.

    python tools/walk_notebooks.py OUT [--only jupyter|marimo] [--theme Light|Dark]
    python tools/walk_notebooks.py OUT --tutorials 1-first-codebook 3-reading-a-codeword

The second runs tutorials in JupyterLab, one after the other in one cache that is thrown away: every cell ends without
an error, and every widget is drawn. Needs ``pip install jupyterlab marimo`` beside dfe[notebook], and for the first the
artefacts of $DFE_CACHE. A part whose package is not installed is skipped and named.
tests/browser/test_notebook_widgets.py checks the same script without either.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
CELLS = [
    """import dfe_core as dfe
from dfe_core.notebook.widgets import link_selection
study = dfe.Study('MODEL', 'DATASET')
look = study.codeword_widget(12)
gallery = study.gallery_widget(height=300)
player = study.player_widget()
chart = study.map_widget('codewords')
unlink = link_selection(look, gallery, player, chart)""",
    "look",
    "gallery",
    "chart",
    "player",
]
FLAGS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(command: list[str], address: str, folder: Path) -> subprocess.Popen:
    """Start a server, and wait until it answers."""
    log = open(folder / "server.log", "wb")
    process = subprocess.Popen(
        command, cwd=folder, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(PROJECT)}
    )
    for _ in range(240):
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return process
        except OSError:
            time.sleep(0.5)
    process.terminate()
    raise SystemExit(f"error: {command[2]}: no answer; {(folder / 'server.log').read_text()[-800:]}")


def cells(model: str, dataset: str) -> list[str]:
    """The cells with their names put in."""
    return [text.replace("MODEL", model).replace("DATASET", dataset) for text in CELLS]


def write_notebook(folder: Path, sources: list[str]) -> None:
    """walk.ipynb of these cells."""
    notebook = {
        "cells": [
            {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": text, "id": f"c{i}"}
            for i, text in enumerate(sources)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / "walk.ipynb").write_text(json.dumps(notebook))


def serve_jupyter(folder: Path, theme: str) -> tuple[subprocess.Popen, str]:
    """JupyterLab on a folder, and its address."""
    overrides = {
        "@jupyterlab/apputils-extension:themes": {"theme": f"JupyterLab {theme}"},
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    }
    (folder / "settings").mkdir()
    (folder / "settings" / "overrides.json").write_text(json.dumps(overrides))
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--allow-root"]
    command += ["--IdentityProvider.token=", f"--LabApp.app_settings_dir={folder / 'settings'}"]
    return serve(command, f"http://localhost:{port}/api", folder), f"http://localhost:{port}"


def run_all(page: Any, address: str, notebook: str) -> None:
    """Open a notebook and run all of its cells."""
    page.goto(f"{address}/lab/tree/{notebook}?reset")
    page.locator(".jp-Notebook .jp-CodeCell").first.click(timeout=120_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator("[data-command='runmenu:run-all']").click()


def open_jupyter(page: Any, folder: Path, sources: list[str], theme: str) -> subprocess.Popen:
    """A notebook in JupyterLab, all of its cells run."""
    write_notebook(folder, sources)
    process, address = serve_jupyter(folder, theme)
    run_all(page, address, "walk.ipynb")
    return process


def walk_tutorials(page: Any, out: Path, names: list[str], theme: str) -> None:
    """Run tutorials; raises where a cell fails or a widget is not drawn."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["DFE_CACHE"] = str(folder / "cache")
        for name in names:
            made = json.loads((PROJECT / "docs" / "tutorials" / f"{name}.ipynb").read_text())
            for cell in made["cells"]:
                cell |= {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {}
            last = {"cell_type": "code", "execution_count": None, "id": "end", "metadata": {}, "outputs": []}
            made["cells"].append(last | {"source": "print('every cell has run')"})
            (folder / f"{name}.ipynb").write_text(json.dumps(made))
        process, address = serve_jupyter(folder, theme)
        try:
            for name in names:
                run_all(page, address, f"{name}.ipynb")
                page.get_by_text("every cell has run", exact=True).last.wait_for(timeout=600_000)
                widgets = page.locator(".dfe-widget")
                for at in range(widgets.count()):
                    widgets.nth(at).scroll_into_view_if_needed()
                    widgets.nth(at).locator("[data-state=drawn], [data-state=ready]").first.wait_for(timeout=120_000)
                    widgets.nth(at).screenshot(path=str(out / f"{name}-{at}.png"))
                failed = page.locator(".jp-OutputArea-output[data-mime-type*='error']").count()
                print(f"{name}: {widgets.count()} widgets drawn, {failed} cells failed", flush=True)
                if failed:
                    raise SystemExit(1)
        finally:
            process.terminate()
            process.wait(20)


def open_marimo(page: Any, folder: Path, sources: list[str], theme: str) -> subprocess.Popen:
    """The same cells as an app of marimo."""
    made, *shown = sources
    body = "".join(
        f"\n\n@app.cell\ndef _({text}, mo):\n    mo.ui.anywidget({text})\n    return\n".replace("\n\n\n@", "\n\n@")
        for text in shown
    )
    indented = made.replace("\n", "\n    ")
    names = "chart, gallery, look, mo, player"
    text = (
        f"import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    import marimo as mo\n    {indented}\n"
        f"    return {names}\n{body}\n\nif __name__ == '__main__':\n    app.run()\n"
    )
    (folder / "walk.py").write_text(text)
    (folder / ".marimo.toml").write_text(f'[display]\ntheme = "{theme.lower()}"\n')
    port = free_port()
    command = [sys.executable, "-m", "marimo", "run", "walk.py", "--headless", "--port", str(port), "--no-token"]
    process = serve(command, f"http://localhost:{port}/health", folder)
    page.goto(f"http://localhost:{port}/")
    return process


def walk(page: Any, out: Path, name: str) -> list[str]:
    """Click through linked widgets; returns what was seen, raises where the state is another."""
    for kind in ("morph", "scatter", "player"):
        page.wait_for_selector(f".dfe-{kind}[data-state=drawn]", timeout=240_000, state="attached")
    page.wait_for_selector(".dfe-gallery .card", state="attached")
    card = page.locator(".dfe-gallery .card").nth(3)
    number = card.get_attribute("data-id")
    card.scroll_into_view_if_needed()
    card.click()
    page.wait_for_selector(f".dfe-morph[data-codeword='{number}'][data-settled=true]", state="attached", timeout=60_000)
    other = page.locator(".dfe-gallery .card").nth(5)
    other.click(modifiers=["Control"])
    page.wait_for_selector(".dfe-gallery .card[data-chosen]", state="attached")
    for at, widget in enumerate(("codeword", "gallery", "map", "player")):
        part = page.locator(f".dfe-widget-{widget}").first
        part.scroll_into_view_if_needed()
        part.screenshot(path=str(out / f"{name}-{at}-{widget}.png"))
    page.screenshot(path=str(out / f"{name}.png"))
    return [f"{name}: card {number} is shown by the moving face; four widgets drawn"]


OPENERS = {"jupyter": ("jupyterlab", open_jupyter), "marimo": ("marimo", open_marimo)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--dataset", default="simulated")
    parser.add_argument("--only", choices=list(OPENERS))
    parser.add_argument("--theme", choices=["Light", "Dark"], default="Light")
    parser.add_argument("--tutorials", nargs="+", default=[], metavar="NAME")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    from train.browsers import find_browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        if args.tutorials:
            page = browser.new_page(viewport={"width": 1300, "height": 1000})
            walk_tutorials(page, args.out, args.tutorials, args.theme)
        for name, (package, opener) in OPENERS.items() if not args.tutorials else ():
            if args.only not in (None, name):
                continue
            if importlib.util.find_spec(package) is None:
                print(f"{name}: skipped, {package} is not installed")
                continue
            page = browser.new_page(
                viewport={"width": 1300, "height": 1000}, color_scheme="dark" if args.theme == "Dark" else "light"
            )
            with tempfile.TemporaryDirectory() as folder:
                process = opener(page, Path(folder), cells(args.model, args.dataset), args.theme)
                try:
                    for line in walk(page, args.out, f"{name}-{args.theme.lower()}"):
                        print(line)
                except Exception:
                    page.screenshot(path=str(args.out / f"{name}-failed.png"))
                    raise
                finally:
                    process.terminate()
                    process.wait(20)
            page.close()
        browser.close()


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    main()
