"""Errors of one line, names shown as text, and files written whole."""

from __future__ import annotations

import errno
import json
import lzma
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import get_ident
from typing import Any
from unicodedata import category

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.vocabulary import RUN_JSON

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""Shown instead of what cannot be, such as control characters."""

AGAIN = "Run the same command again: what is finished is kept"
"""What to do after a fault of the machine, at the end of its message."""


class UserError(Exception):
    """A mistake that the user can correct.

    The message names the value, what was expected and what to do; the command line prints it as
    one line and ends with status 2.
    """


class MachineError(Exception):
    """A fault of the machine, such as too little memory: no mistake of the user, nor of the suite.

    The command line prints the message as one line and ends with status 1.
    """


def one_line(error: BaseException) -> str:
    """The kind of the error and the first line of what it says, whatever a user's code says."""
    try:
        lines = str(error).splitlines()
    except Exception:
        lines = []
    text = next(filter(str.strip, lines), "")
    shown = "".join(letter if letter.isprintable() else REPLACEMENT for letter in text)
    return f"{type(error).__name__}: {shown.strip()}"


def require_distinct(option: str, values: Sequence[object]) -> None:
    """Raise a `UserError` where a list has a value twice: another one may have been meant."""
    if twice := [value for value in values if values.count(value) > 1]:
        raise UserError(f"{option}: {twice[0]!r} is given twice; give each value once")


LONGEST = 100
"""Characters of a name: more fit into no table."""


def objection_to(name: str, longest: int = LONGEST) -> str:
    """Why a name cannot be shown, with what to do; empty if it can.

    Control characters are those of a terminal, line breaks, and those that show text in another
    order than it has, or not at all.

    >>> objection_to("my set"), objection_to("a" * 101)
    ('', 'has 101 characters; expected at most 100: shorten it')
    >>> print(objection_to("one\\ntwo"))
    holds the control character '\\n'; expected characters that can be seen: replace it
    """
    if len(name) > longest:
        return f"has {len(name):,} characters; expected at most {longest}: shorten it"
    hidden = [character for character in name if not _is_seen(character)]
    if hidden:
        return (
            f"holds the control character {hidden[0]!r}; expected characters that can be seen: "
            "replace it"
        )
    return "" if name.strip() else "is empty; expected a character that can be seen: replace it"


def require_file_name(name: str) -> None:
    """Stop at a name that, as part of a file's name, could lead to another folder.

    Raises:
        ValueError: it does not consist of letters, digits, ``-``, ``_`` and ``.``, or is dots.
    """
    if not re.fullmatch(r"(?!\.*\Z)[\w.-]+", name):
        raise ValueError(f"the name {name!r} is not of letters, digits, '-', '_' and '.' alone")


def printable(text: str) -> str:
    """The text in one line, with a question mark for each control character that breaks none.

    >>> printable("one\\r\\ntwo \\x1b[31m")
    'one two ?[31m'
    """
    one_line = " ".join(text.splitlines()).replace("\t", " ")
    return "".join(character if _is_seen(character) else "?" for character in one_line)


def _is_seen(character: str) -> bool:
    # Spaces of other widths are as good as the usual one.
    return character.isprintable() or category(character) == "Zs"


_IN_MARKDOWN = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_[]|~$"}
    | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
)


def markdown_text(text: str) -> str:
    """The text in one line, with everything escaped that would be mark-up, HTML or a table's edge.

    >>> print(markdown_text("a|b <script> my_set"))
    a\\|b &lt;script&gt; my\\_set
    """
    return printable(text).translate(_IN_MARKDOWN)


def latex_text(text: str) -> str:
    """The text in one line, with everything escaped that LaTeX would take for a command.

    >>> print(latex_text("my_method: 5 % ↓ ▾, −1°"))
    my\\_method: 5 \\% $\\downarrow$ $\\nabla$, $-$1$^\\circ$
    """
    return printable(text).translate(_IN_LATEX)


_IN_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    # Behind the end of a row these would be an argument of it.
    | {character: f"{{{character}}}" for character in "[]*"}
    | {
        "\\": "\\textbackslash{}",
        "~": "\\textasciitilde{}",
        "^": "\\textasciicircum{}",
        "<": "\\textless{}",
        ">": "\\textgreater{}",
        "|": "\\textbar{}",
        "°": "$^\\circ$",
        "±": "$\\pm$",
        "≤": "$\\leq$",
        "≥": "$\\geq$",
        "−": "$-$",
        "–": "--",
        "—": "---",
        "∞": "$\\infty$",
        "↑": "$\\uparrow$",
        "↓": "$\\downarrow$",
        "▾": "$\\nabla$",
        "▲": "$\\triangle$",
        "†": "$\\dagger$",
        "§": "\\S{}",
        "→": "$\\rightarrow$",
        "×": "$\\times$",
        "’": "'",
    }
)


def terminal_text(text: str, style: str = "") -> Text:
    """The text as it is: Rich would take ``[red]`` for a colour, and ``:bug:`` for a picture.

    Line breaks stay.

    >>> terminal_text("[red]:bug:").plain
    '[red]:bug:'
    """
    return Text("\n".join(map(printable, text.split("\n"))), style=style)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows; first names and numbers are whole, and numbers stand to the right.

    So are words of up to 30 characters, also where the terminal is narrow.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(headings[0], no_wrap=True)
    for heading, column in [*zip(headings, zip(*rows, strict=True), strict=True)][1:]:
        longest = max(map(len, " ".join(map(_text, (heading, *column))).split()))
        table.add_column(
            heading,
            overflow="fold",
            min_width=min(longest, 30),
            justify="right" if isinstance(column[0], int | float) else "left",
        )
    for cells in rows:
        table.add_row(*(terminal_text(_text(cell)) for cell in cells))
    Console().print(table)


def _text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int | float) else str(cell)


HALF_WRITTEN = ".*.[0-9]*.[0-9]*.part"
"""Glob of the files of `written_whole` that are not whole yet."""


class NotWrittenError(OSError):
    """A file could not be written: a fault of the disk or of its folder, of nothing else."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; renamed to ``path`` if the block succeeds.

    Raises:
        NotWrittenError: the disk is full, for example; the message names ``path``.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        number, why = error.errno or errno.EIO, error.strerror or str(error)
        raise NotWrittenError(number, why, str(path)) from error
    finally:
        with suppress(OSError):  # where the folder cannot be written, nothing was
            temporary.unlink()


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a text or bytes by `written_whole`."""
    with written_whole(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(value: object, path: Path) -> None:
    """Write a value as indented JSON."""
    write_whole(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path, remedy: str = "delete it and run again") -> dict[str, Any]:
    """Read an object that `write_json` wrote; an empty one if there is no such file.

    Args:
        remedy: what a user is to do where the file holds something else.

    Raises:
        UserError: it does.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise TypeError("it holds no object")
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}); {remedy}") from error
    return content


def read_run_json(folder: Path) -> dict[str, Any]:
    """The record of the run in a folder; empty where there is none.

    Raises:
        UserError: it is damaged.
    """
    return read_json(folder / RUN_JSON, "restore it, or choose another folder with --out")


def existing_folder(option: str, path: Path) -> Path:
    """The folder that an option names, created if it does not exist; it may be a read-only one.

    Raises:
        UserError: it is a file, or cannot be created.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{option} {path}: this is a file; name a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{option} {path}: the folder cannot be created ({error.strerror}); name another"
        ) from error
    return path


def writable_folder(option: str, path: Path) -> Path:
    """The folder that an option names, created if it does not exist.

    Raises:
        UserError: it is a file, or cannot be written.
    """
    existing_folder(option, path)
    try:
        with TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise UserError(
            f"{option} {path}: the folder is not writable ({error.strerror}); name another"
        ) from error


def require_own(folders: Iterable[Path]) -> None:
    """Stop where one of these or a folder in it is a link: what is written would lie elsewhere.

    Raises:
        UserError: one is.
    """
    for folder in folders:
        inside = (Path(parent, name) for parent, names, _ in os.walk(folder) for name in names)
        for path in (folder, *inside):
            if path.is_symlink():
                raise UserError(
                    f"{path} is a link, and a run writes only in its own folder; replace it by a "
                    "folder, or choose another with --out"
                )


def path_of(folder: Path, name: str) -> Path:
    """Path of a file of a run: compressed, with ``.xz`` behind its name, if only so.

    >>> path_of(Path("nowhere"), "worth.csv").name
    'worth.csv'
    """
    path, compressed = folder / name, folder / f"{name}.xz"
    return compressed if compressed.is_file() and not path.is_file() else path


def content_of(path: Path) -> bytes:
    """The bytes of a file, decompressed if its name ends in ``.xz``.

    Raises:
        ValueError: it is no xz file, or not whole.
    """
    content = path.read_bytes()
    if path.suffix != ".xz":
        return content
    try:
        return lzma.decompress(content)
    except lzma.LZMAError as error:
        raise ValueError(f"it is no xz file, or not whole: {error}") from error
