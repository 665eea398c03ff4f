"""Names that others chose, shown as they are wherever they are written: escaped here alone.

A name of a file, an array or a custom method's class field may be anything. What could not be shown
is refused (`names`); all else is escaped for what it is written to: a terminal, Markdown or LaTeX.
HTML is escaped by Jinja, for which it is switched on.
"""

from __future__ import annotations

from unicodedata import category

from rich.text import Text

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

    >>> print(latex_text("my_method: 5 % ↓, −1°"))
    my\\_method: 5 \\% $\\downarrow$, $-$1$^\\circ$
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
        "≈": "$\\approx$",
        "≤": "$\\leq$",
        "≥": "$\\geq$",
        "−": "$-$",
        "–": "--",
        "—": "---",
        "∞": "$\\infty$",
        "↑": "$\\uparrow$",
        "↓": "$\\downarrow$",
        "†": "$\\dagger$",
        "‡": "$\\ddagger$",
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
