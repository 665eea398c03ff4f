"""Results in words: sentences of `templates/` around numbers that are computed here."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmarks.records import where
from benchmarks.report.names import Names
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.read.files import claims_numbers
from benchmarks.report.results import Results
from benchmarks.vocabulary import (
    CENTRAL,
    CLEAN,
    DISAGREEMENT,
    RANK_CORRELATION,
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
        score=_primary_score(results),
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


def _primary_score(results: Results) -> str:
    """What the score of detection is called, in a sentence."""
    scores = {results.names.method(v.method).primary_score for v in results.largest}
    return results.names.score(min(scores)).label.lower() if len(scores) == 1 else "primary score"


def article_answer(claims: Mapping[str, Any], names: Names) -> str:
    """How well dropout imitates the ensemble, and how many claims of the article hold.

    Args:
        claims: the content of `claims.json`; empty where no claim was evaluated.

    Returns:
        A few sentences. Those about the central claim are left out where it has no verdict or
        its numbers are undefined; there is none where no claim has a verdict.
    """
    verdicts = Counter(claim["verdict"] for claim in claims.get("claims", []))
    if not any(verdicts[verdict] for verdict in VERDICTS):
        return ""
    return sentences(
        "article.j2",
        setting=claims["setting"],
        central=list(_central(claims, names)),
        verdicts={verdict: verdicts[verdict] for verdict in VERDICTS if verdicts[verdict]},
        untested=sum(verdicts.values()) - sum(verdicts[verdict] for verdict in VERDICTS),
        statements=sum(verdicts.values()),
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
    p_values = [
        results.p_value(variants[leader], variants[other], tested or quantity)
        for leader, other in product(leaders, others)
    ]
    return Ranking(
        leaders=[results.names.in_text(method) for method in leaders],
        value=value,
        others=[(results.names.in_text(method), shown[method]) for method in others],
        # NaN, of what could not be tested, is not below it either.
        distinguished=all(p is not None and p < SIGNIFICANT for p in p_values),
    )


def _central(claims: Mapping[str, Any], names: Names) -> Iterator[dict[str, Any]]:
    """The central claims that have a verdict, with what is told of their numbers."""
    numbers = where(claims_numbers(claims), recipe=claims["setting"]["recipe"])
    for claim in claims["claims"]:
        if claim["weight"] == CENTRAL and claim["verdict"] in VERDICTS:
            of_claim = where(numbers, claim=claim["id"])
            errors = where(of_claim, metric="misclassification_auroc", score=DISAGREEMENT)
            yield {
                **claim,
                "correlations": [
                    f"{mean:.3f} for {names.score(score).label.lower()}"
                    for score, mean, _ in _means(where(of_claim, metric=RANK_CORRELATION), "score")
                ],
                "detection": [
                    f"{mean:.3f} for {names.in_text(method)}"
                    + (" (mean over networks)" if networks > 1 else "")
                    for method, mean, networks in _means(
                        errors[errors["other_method"].isna()], "method"
                    )
                ],
            }


def _means(numbers: pd.DataFrame, field: str) -> Iterator[tuple[str, float, int]]:
    """For each value of a field the mean, if any network's number is defined, and the networks."""
    for name, values in numbers.groupby(field, sort=False)["value"]:
        if values.notna().any():
            yield str(name), float(values.mean()), len(values)


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
        "within_sentence": _within_sentence,
        "in_words": lambda count: NUMBERS[count] if count < len(NUMBERS) else str(count),
    }
    return environment


def listed(parts: Sequence[str]) -> str:
    """In one phrase.

    >>> listed(["one", "two", "three"]), listed(["one"])
    ('one, two and three', 'one')
    """
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _within_sentence(statement: str) -> str:
    """A sentence as a part of another one.

    >>> _within_sentence("One network suffices."), _within_sentence("ECE falls.")
    ('one network suffices', 'ECE falls')
    """
    first = statement[:1] if statement[1:2].isupper() else statement[:1].lower()
    return first + statement[1:].rstrip(".")
