"""Which names can be shown, and what stands for characters that cannot."""

from __future__ import annotations

from unicodedata import category

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
