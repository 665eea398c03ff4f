"""Text for LaTeX."""

from __future__ import annotations

from benchmarks.escaping.names import printable


def latex_text(text: str) -> str:
    """The text in one line, with everything escaped that LaTeX would take for a command.

    >>> print(latex_text("my_method: 5 % ↓, −1°"))
    my\\_method: 5 \\% $\\downarrow$, $-$1$^\\circ$
    """
    return printable(text).translate(_ESCAPED)


_ESCAPED = str.maketrans(
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
