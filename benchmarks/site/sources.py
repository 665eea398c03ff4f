"""Files and folders of the repository to which pages link: a page lists each folder."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from benchmarks.escaping.markdown import markdown_text

README = "README.md"
"""The page of a folder; in the site it is the folder's ``index.html``."""

TEXTS = {"", ".cff", ".css", ".j2", ".js", ".py", ".toml", ".yml"}
"""The suffixes of files that browsers may offer to save, and show if they end in ``.txt``."""


@dataclass
class Sources:
    """What pages link to, and what lies in folders that they link to.

    Attributes:
        files: paths from the top of the repository.
        folders: the same of folders, and the Markdown of the page that lists each.
    """

    files: set[str] = field(default_factory=set)
    folders: dict[str, str] = field(default_factory=dict)


def sources(root: Path, linked: Iterable[str]) -> Sources:
    """The linked files and folders, with all that lies in these."""
    found, todo = Sources(), list(linked)
    while todo:
        path = root / (uri := todo.pop().removesuffix(f"/{README}"))
        if path.is_dir() and uri not in found.folders:
            inside = list(_inside(path))
            found.folders[uri] = folder_page(uri, path, inside)
            todo += [f"{uri}/{one.name}" for one in inside]
        elif path.is_file():
            found.files.add(uri)
    return found


def address(uri: str) -> str:
    """Where the site has a file."""
    return f"{uri}.txt" if posixpath.splitext(uri)[1] in TEXTS else uri


def folder_page(uri: str, folder: Path, inside: Iterable[Path]) -> str:
    """The page of a folder: its README or the docstring of its package, and what lies in it."""
    rows = [
        f"| [{markdown_text(path.name)}]({_link(path)}) | {markdown_text(_summary(path))} |"
        for path in inside
        if path.name != README
    ]
    return "\n".join([_introduction(uri, folder), "", "| file | content |", "|---|---|", *rows, ""])


def _inside(folder: Path) -> Iterator[Path]:
    """Packages first."""
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_file(), path.name)):
        if not path.name.startswith((".", "__pycache__")):
            yield path


def _introduction(uri: str, folder: Path) -> str:
    if (readme := folder / README).is_file():
        return readme.read_text(encoding="utf-8") + "\n## Files"
    return f"# {markdown_text(uri)}\n\n{_docstring(folder / '__init__.py')}"


def _link(path: Path) -> str:
    return quote(f"{path.name}/{README}" if path.is_dir() else path.name)


def _summary(path: Path) -> str:
    """The first line of the docstring of a module or package; empty where there is none."""
    text = _docstring(path / "__init__.py" if path.is_dir() else path)
    return next(iter(text.splitlines()), "").replace("``", "")


def _docstring(path: Path) -> str:
    if path.suffix != ".py" or not path.is_file():
        return ""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
