"""Results in words: sentences of `templates/` around numbers that are computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmarks.vocabulary import (
    CENTRAL,
    VERDICTS,
)

NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
)


def render(template: str, **values: Any) -> str:
    """Fill one of the files in `templates/`."""
    return _environment().get_template(template).render(values)


def sentences(template: str, **values: Any) -> str:
    """The same as one line, wherever the template breaks its lines."""
    return " ".join(render(template, **values).split())


def article_answer(claims: Mapping[str, Any]) -> str:
    """How many of the article's central claims hold, and which.

    Args:
        claims: the content of `claims.json`; empty where no claim was evaluated.

    Returns:
        A few sentences; none where no central claim has a verdict.
    """
    central = [claim for claim in claims.get("claims", []) if claim["weight"] == CENTRAL]
    by_verdict = {
        verdict: [claim["statement"] for claim in central if claim["verdict"] == verdict]
        for verdict in VERDICTS
    }
    by_verdict = {verdict: some for verdict, some in by_verdict.items() if some}
    if not by_verdict:
        return ""
    untested = [claim["statement"] for claim in central if claim["verdict"] not in VERDICTS]
    return sentences(
        "article.j2", by_verdict=by_verdict, untested=untested, statements=len(central)
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("benchmarks.report"),
        autoescape=False,  # plain text and Markdown
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "capitalised": lambda text: text[:1].upper() + text[1:],
        "listed": listed,
        "one_line": lambda text: " ".join(text.split()),
        "in_words": lambda count: NUMBERS[count] if count < len(NUMBERS) else str(count),
    }
    return environment


def listed(parts: Sequence[str]) -> str:
    """In one phrase.

    >>> listed(["one", "two", "three"]), listed(["one"])
    ('one, two and three', 'one')
    """
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
