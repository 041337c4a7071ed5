"""A hook of MkDocs: notebooks are pages, with their cells and outputs as Markdown. Nothing is executed."""

from __future__ import annotations

import json
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page


class NotebookFile(File):
    """A notebook as a page of the documentation."""

    def is_documentation_page(self) -> bool:
        return True


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Let notebooks be pages."""
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        files.remove(file)
        files.append(NotebookFile(file.src_uri, config.docs_dir, config.site_dir, config.use_directory_urls))
    return files


def on_page_read_source(page: Page, config: MkDocsConfig) -> str | None:
    """The Markdown of a notebook; None, which reads the file, for other pages."""
    if not page.file.src_uri.endswith(".ipynb"):
        return None
    cells = json.loads(page.file.content_string)["cells"]
    return "\n\n".join(part for cell in cells for part in cell_markdown(cell))


def cell_markdown(cell: dict[str, Any]) -> list[str]:
    """A cell as parts of Markdown: its text, or its code and each output."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    return [f"```python\n{source}\n```", *map(output_markdown, cell["outputs"])]


def output_markdown(output: dict[str, Any]) -> str:
    """The richest form of an output that needs no script: a picture, a table, or text."""
    data = output.get("data", {})
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">'
    if "text/html" in data:
        table = "".join(data["text/html"])
        return f'<div class="output">{"".join(line.strip() for line in without_style(table).splitlines())}</div>'
    return f"```text\n{''.join(output.get('text') or data['text/plain']).rstrip()}\n```"


def without_style(table: str) -> str:
    """A table of pandas without the style sheet and the border that it brings."""
    begin, end = table.find("<style"), table.find("</style>")
    bare = table if begin < 0 else table[:begin] + table[end + len("</style>") :]
    return bare.replace('border="1" ', "")
