"""Results in words: sentences of `templates/` around numbers that are computed here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from statistics import fmean
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmarks.report.names import angles_label, condition_label
from benchmarks.report.results import Quantity, Results
from benchmarks.vocabulary import CLEAN, MAIN_SCORE, ROTATED_MEAN, SIGNIFICANT, VERDICTS

SUBJECTS = {"deep_ensemble": "the ensemble", "mc_dropout": "MC-dropout", "softmax": "softmax"}
"""The methods that the answer compares, in this order."""

RANK_AGREEMENT = "dropout-mimics-ensemble"
"""The central claim of the article: dropout instead of an ensemble."""

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
        partial: whether methods have a value that are not compared here.
    """

    leaders: list[str]
    value: str
    others: list[tuple[str, str]]
    distinguished: bool
    partial: bool


def render(template: str, **values: Any) -> str:
    """Fill one of the files in `templates/`."""
    return _environment().get_template(template).render(values)


def sentences(template: str, **values: Any) -> str:
    """The same as one line, wherever the template breaks its lines."""
    return " ".join(render(template, **values).split())


def answer(results: Results) -> str:
    """Accuracy on clean digits, rotation, and detection, in a few sentences.

    Results of one recipe, by the largest size of each method. What has no numbers is left out.
    """
    detection = (
        (condition, ranking)
        for condition in results.ood
        if (ranking := _ranking(results, Quantity(condition, "auroc", MAIN_SCORE), ".2f"))
    )
    condition, detected = next(detection, ("", None))
    return sentences(
        "answer.j2",
        accuracy=_ranking(results, Quantity(CLEAN, "accuracy"), ".1%"),
        angles=angles_label(results.angles_averaged).removeprefix("Mean ").removeprefix("of "),
        several_angles=len(results.angles_averaged) > 1,
        disagreement=_ranking(results, Quantity(ROTATED_MEAN, "pairwise_disagreement"), ".0%"),
        calibration=_ranking(
            results,
            Quantity(ROTATED_MEAN, "ece"),
            ".2f",
            # Binned errors are not tested, since they are biased; this one is.
            tested=Quantity(ROTATED_MEAN, "squared_ce_debiased"),
        ),
        condition=condition_label(condition),
        detection=detected,
    )


def article_answer(claims: Mapping[str, Any]) -> str:
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
        central=next(_central_claim(claims), None),
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
    named = {method: values[method] for method in SUBJECTS if method in values}
    if not named:
        return None
    shown = {method: f"{value:{digits}}".replace("%", " %") for method, value in named.items()}
    order = sorted(named, key=lambda method: -named[method])
    value = shown[order[0]]
    leaders = [method for method in named if shown[method] == value]
    others = [method for method in order if shown[method] != value]
    p_values = [
        results.p_value(variants[leader], variants[other], tested or quantity)
        for leader, other in product(leaders, others)
    ]
    return Ranking(
        leaders=[SUBJECTS[method] for method in leaders],
        value=value,
        others=[(SUBJECTS[method], shown[method]) for method in others],
        # NaN, of what could not be tested, is not below it either.
        distinguished=all(p is not None and p < SIGNIFICANT for p in p_values),
        partial=len(values) > len(named),
    )


def _central_claim(claims: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for claim in claims["claims"]:
        if claim["id"] == RANK_AGREEMENT and claim["verdict"] in VERDICTS:
            numbers: Mapping[str, list[float | None]] = claim["numbers"][
                claims["setting"]["recipe"]
            ]
            auroc = "misclassification AUROC by disagreement"
            yield {
                "verdict": claim["verdict"],
                "disagreement": _mean(numbers["rank correlation, disagreement"]),
                "mutual_information": _mean(numbers["rank correlation, mutual information"]),
                "auroc_of_dropout": _mean(numbers[f"{auroc}, MC-dropout"]),
                "auroc_of_ensemble": _mean(numbers[f"{auroc}, ensemble"]),
            }


def _mean(values: Sequence[float | None]) -> float | None:
    """Of those that are defined, if any is."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


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
        "listed": _listed,
        "in_words": lambda count: NUMBERS[count] if count < len(NUMBERS) else str(count),
    }
    return environment


def _listed(parts: Sequence[str]) -> str:
    """In one phrase.

    >>> _listed(["one", "two", "three"]), _listed(["one"])
    ('one, two and three', 'one')
    """
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
