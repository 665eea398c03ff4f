"""Text in CSVs: a spreadsheet computes what starts like a formula, unless an apostrophe precedes.

Only text is quoted; numbers, negative ones among them, stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell starts with that a spreadsheet computes."""


def quoted(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before each text that is a formula, headings among them."""
    return _changed(table, lambda text: f"'{text}" if _is_formula(text) else text)


def unquoted(table: pd.DataFrame) -> pd.DataFrame:
    """The table before it was `quoted`.

    >>> names = pd.DataFrame({"name": ["=1+1", "'=x", "-0.5", "ten"]})
    >>> quoted(names)["name"].tolist()
    ["'=1+1", "''=x", '-0.5', 'ten']
    >>> unquoted(quoted(names)).equals(names)
    True
    """
    return _changed(table, lambda text: text[1:] if text[:1] == "'" and _is_formula(text) else text)


def _is_formula(text: str) -> bool:
    """Whether it is one, or one that was quoted, however often."""
    formula = text.lstrip("'")
    return formula.startswith(FORMULA) and not _is_number(formula)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _changed(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    # By position, since columns may have the same heading.
    table = table.set_axis([change(str(name)) for name in table], axis=1)
    for position in range(table.shape[1]):
        column = table.iloc[:, position]
        if pd.api.types.is_numeric_dtype(column):
            continue
        texts = [text for text in column.unique() if isinstance(text, str)]
        if changed := {text: change(text) for text in texts if change(text) != text}:
            table.isetitem(position, column.replace(changed).array)
    return table
