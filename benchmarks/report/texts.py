"""Results in words: texts of `templates/`, and the remarks that several texts have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmarks.report.editorial import PREVIEW


def render(template: str, **values: Any) -> str:
    """Fill one of the files in `templates/` that are plain text or Markdown."""
    return templates().get_template(template).render(values)


def templates(package: str = "benchmarks.report", *, html: bool = False) -> Environment:
    """The files in `templates/` of a package."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not html,
    )


def listed(parts: Sequence[str]) -> str:
    """In one phrase.

    >>> listed(["one", "two", "three"]), listed(["one"]), listed(["one, too", "two", "three"])
    ('one, two and three', 'one', 'one, too; two; and three')
    """
    has_comma = any(", " in part for part in parts)
    most, last = ("; ", "; and ") if has_comma else (", ", " and ")
    return last.join(filter(None, (most.join(parts[:-1]), *parts[-1:])))


def left_out_remark(labels: Sequence[str]) -> str:
    """The sentence about conditions without data; empty if there are none.

    >>> left_out_remark(["KMNIST", "EMNIST letters"])
    'Left out, because their data are not available: KMNIST, EMNIST letters.'
    """
    return f"Left out, because their data are not available: {', '.join(labels)}." if labels else ""


def preview(configuration: Mapping[str, Any]) -> str:
    """How little a first look is made of; empty for other runs."""
    if configuration.get("preset") != PREVIEW:
        return ""
    sizes = {"epoch": configuration.get("epochs"), "image": configuration.get("images")}
    known = [
        f"{size:,} {what}{'s' if size != 1 else ''}"
        for what, size in sizes.items()
        if isinstance(size, int)
    ]
    return ", ".join(known) or "a first look"
