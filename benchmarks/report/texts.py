"""Results in words: sentences of `templates/` around numbers that are computed here."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.vocabulary import (
    CENTRAL,
    CLEAN,
    DISAGREEMENT,
    SIGNIFICANT,
    VERDICTS,
)

ACCURACY, CALIBRATION_ERROR, DETECTION = "accuracy", "ece", "auroc"
"""The metrics that the sentences are about."""

TESTED_ERROR = "squared_ce_debiased"
"""What is tested where methods are ranked by their calibration error, which is biased."""

NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
)


class Ranking(NamedTuple):
    """The values of one quantity as they are printed, so that equal ones are ties.

    Attributes:
        leaders: the methods at the top, at least one.
        value: theirs.
        others: the other methods with their values, in descending order.
        distinguished: whether each leader differs significantly from each other method.
    """

    leaders: list[str]
    value: str
    others: list[tuple[str, str]]
    distinguished: bool


def render(template: str, **values: Any) -> str:
    """Fill one of the files in `templates/`."""
    return _environment().get_template(template).render(values)


def sentences(template: str, **values: Any) -> str:
    """The same as one line, wherever the template breaks its lines."""
    return " ".join(render(template, **values).split())


class Shifted(NamedTuple):
    """What is said of the mean over a group of conditions: its label, and the rankings."""

    group: str
    label: str
    disagreement: Ranking | None
    calibration: Ranking | None


def answer(results: Results) -> str:
    """Accuracy on clean images, the mean over each group, and detection, in a few sentences.

    Results of one recipe, by the largest size of each method. What has no numbers is left out.
    """
    detection = (
        (condition, ranking)
        for condition in results.ood
        if (ranking := _ranking(results, Quantity(condition, DETECTION), ".2f"))
    )
    condition, detected = next(detection, ("", None))
    return sentences(
        "answer.j2",
        accuracy=_ranking(results, Quantity(CLEAN, ACCURACY), ".1%"),
        shifted=[_shifted(results, mean) for mean in results.group_means],
        condition=results.label_of(condition),
        detection=detected,
        score=results.primary_score_label(results.largest),
    )


def _shifted(results: Results, mean: str) -> Shifted:
    record = results.names.condition(mean)
    return Shifted(
        group=record.group,
        label=_in_words(record.label),
        disagreement=_ranking(results, Quantity(mean, DISAGREEMENT), ".0%"),
        calibration=_ranking(
            results,
            Quantity(mean, CALIBRATION_ERROR),
            ".2f",
            tested=Quantity(mean, TESTED_ERROR),
        ),
    )


def _in_words(label: str) -> str:
    """A group's mean in a sentence.

    >>> _in_words("Mean 15°–90°"), _in_words("Mean of 15°, 90°"), _in_words("30°")
    ('mean of 15° to 90°', 'mean of 15°, 90°', '30°')
    """
    return re.sub(r"^Mean (of )?", "mean of ", label).replace("–", " to ")


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


def _ranking(
    results: Results, quantity: Quantity, digits: str, *, tested: Quantity | None = None
) -> Ranking | None:
    """By a quantity; ``tested``: that by which methods are distinguished, if it is another."""
    variants, values = {}, {}
    for variant in results.largest:
        row = results.find(variant, quantity)
        if row is not None and not math.isnan(row["value"]):
            variants[variant.method], values[variant.method] = variant, float(row["value"])
    if not values:
        return None
    shown = {method: f"{value:{digits}}".replace("%", " %") for method, value in values.items()}
    order = sorted(values, key=lambda method: -values[method])
    value = shown[order[0]]
    leaders = [method for method in values if shown[method] == value]
    others = [method for method in order if shown[method] != value]
    tests = [
        results.tested(variants[leader], variants[other], tested or quantity)
        for leader, other in product(leaders, others)
    ]
    return Ranking(
        leaders=[results.names.in_text(method) for method in leaders],
        value=value,
        others=[(results.names.in_text(method), shown[method]) for method in others],
        # NaN, of what could not be tested, is not below it either.
        distinguished=all(one and one.p_value < SIGNIFICANT for one in tests),
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
        "within_sentence": within_sentence,
        "in_words": lambda count: NUMBERS[count] if count < len(NUMBERS) else str(count),
    }
    return environment


def listed(parts: Sequence[str]) -> str:
    """In one phrase.

    >>> listed(["one", "two", "three"]), listed(["one"])
    ('one, two and three', 'one')
    """
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def within_sentence(statement: str) -> str:
    """A sentence as a part of another one.

    >>> within_sentence("One network suffices."), within_sentence("ECE falls.")
    ('one network suffices', 'ECE falls')
    """
    first = statement[:1] if statement[1:2].isupper() else statement[:1].lower()
    return first + statement[1:].rstrip(".")
