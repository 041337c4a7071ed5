"""Execute the tutorials (docs/tutorials/*.ipynb) in order and write their outputs into them.

    python tools/run_tutorials.py            execute all, in a cache and a working folder that are thrown away
    python tools/run_tutorials.py --check    run their code without Jupyter and write nothing
    python tools/run_tutorials.py --cache FOLDER 6-a-new-reader    one of them, in a cache that holds what it needs

The first needs requirements-docs.txt. A tutorial may use what those before it have made.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
TUTORIALS = PROJECT / "docs" / "tutorials"
WIDGET = "application/vnd.jupyter.widget-view+json"


def tutorials() -> list[Path]:
    """The notebooks, in the order in which they are read."""
    return sorted(TUTORIALS.glob("*.ipynb"))


def code_cells(notebook: Path) -> list[dict[str, Any]]:
    """The code cells of a notebook, as its JSON has them."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def run_plain(notebook: Path) -> str:
    """Run the code cells of a notebook one after the other in one namespace, and return what they print.

    An error in a cell is raised, with the notebook and the number of the cell in the traceback.
    """
    names: dict[str, Any] = {"__name__": notebook.stem}
    printed = io.StringIO()
    for number, cell in enumerate(code_cells(notebook), 1):
        tree = ast.parse("".join(cell["source"]), f"{notebook.name}, code cell {number}")
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, f"{notebook.name}, code cell {number}", "exec"), names)
    return printed.getvalue()


def execute(notebook: Path, folder: Path) -> None:
    """Execute a notebook with Jupyter in a working folder, and write it back with its outputs."""
    import nbformat
    from nbclient import NotebookClient

    content = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        content, timeout=300, kernel_name="python3", record_timing=False, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    content.metadata.pop("widgets", None)
    content.metadata["language_info"] = {"name": "python"}
    for cell in content.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:  # without its kernel a widget is its picture
                output.get("data", {}).pop(WIDGET, None)
    text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True)
    notebook.write_text(text + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="tutorials (default: all)")
    parser.add_argument("--check", action="store_true", help="run the code without Jupyter and write nothing")
    parser.add_argument("--cache", type=Path, help="a cache to work in (default: one that is thrown away)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["DFE_CACHE"] = str((args.cache or Path(temporary) / "cache").resolve())
        os.environ["PYTHONPATH"] = os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
        sys.path.insert(0, str(PROJECT))
        os.chdir(temporary)
        for notebook in [path for path in tutorials() if not args.names or path.stem in args.names]:
            begin = time.monotonic()
            run_plain(notebook) if args.check else execute(notebook, Path(temporary))
            print(f"{notebook.name}: {time.monotonic() - begin:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
