"""Results in words: sentences of `templates/` around numbers that are computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmarks.vocabulary import CENTRAL, VERDICTS


def render(template: str, **values: Any) -> str:
    """Fill one of the files in `templates/`."""
    return _environment().get_template(template).render(values)


def sentences(template: str, **values: Any) -> str:
    """The same as one line, wherever the template breaks its lines."""
    return " ".join(render(template, **values).split())


def article_answer(claims: Mapping[str, Any]) -> str:
    """How many of the article's central claims hold, and which, in a few sentences.

    Args:
        claims: the content of `claims.json`; empty where no claim was evaluated.

    Returns:
        Empty where no central claim has a verdict.
    """
    central = [claim for claim in claims.get("claims", []) if claim["weight"] == CENTRAL]
    verdicts = (*VERDICTS, *dict.fromkeys(claim["verdict"] for claim in central))
    by_verdict = [
        f"{verdict[:1].upper()}{verdict[1:]}: {' '.join(statements)}"
        for verdict in dict.fromkeys(verdicts)
        if (statements := [f"“{one['statement']}”" for one in central if one["verdict"] == verdict])
    ]
    if not any(claim["verdict"] in VERDICTS for claim in central):
        return ""
    return " ".join(
        [
            f"Central claims of the article: {len(central)}.",
            "Networks trained by its listing give these verdicts.",
            *by_verdict,
        ]
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
        "uncapitalised": lambda name: name if name[1:2].isupper() else name[:1].lower() + name[1:],
        "one_line": lambda text: " ".join(text.split()),
    }
    return environment


def listed(parts: Sequence[str]) -> str:
    """In one phrase.

    >>> listed(["one", "two", "three"]), listed(["one"])
    ('one, two and three', 'one')
    """
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def left_out_remark(labels: Sequence[str]) -> str:
    """The sentence about conditions without data; empty if there are none.

    >>> left_out_remark(["KMNIST", "EMNIST letters"])
    'Left out, because their data are not available: KMNIST, EMNIST letters.'
    """
    return f"Left out, because their data are not available: {', '.join(labels)}." if labels else ""


def training_images_remark(images: Mapping[str, int]) -> str:
    """The sentence about what trains on different images; empty if nothing does.

    Args:
        images: by recipe, or by method that trains itself.

    >>> training_images_remark({"article": 60_000, "article-logits": 60_000, "standard": 55_000})
    'Training images: 60,000 (article, article-logits); 55,000 (standard). Those with fewer hold \
out the others for calibration. Those with different numbers are not compared.'
    """
    trained: dict[int, list[str]] = {}
    for name, number in images.items():
        trained.setdefault(number, []).append(name)
    if len(trained) < 2:
        return ""
    counts = "; ".join(f"{number:,} ({', '.join(names)})" for number, names in trained.items())
    return (
        f"Training images: {counts}. Those with fewer hold out the others for calibration. Those "
        "with different numbers are not compared."
    )
