"""Text for a terminal."""

from __future__ import annotations

from rich.text import Text

from benchmarks.escaping.names import printable


def terminal_text(text: str, style: str = "") -> Text:
    """The text as it is: Rich would take ``[red]`` for a colour, and ``:bug:`` for a picture.

    Line breaks stay.

    >>> terminal_text("[red]:bug:").plain
    '[red]:bug:'
    """
    return Text("\n".join(map(printable, text.split("\n"))), style=style)
