"""Notebooks as Markdown."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter


def as_markdown(notebook: Path) -> str:
    """The cells of a notebook, which is not run."""
    node = nbformat.read(notebook, as_version=4)
    text, _ = MarkdownExporter().from_notebook_node(node)
    return str(text)
