"""The answer in three sentences, whatever the numbers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.report.names import condition_label
from benchmarks.report.results import Results
from benchmarks.vocabulary import CLEAN, ROTATED_MEAN

SCORE = "predictive_entropy"
"""By which images are told apart: every method has it."""

METHODS = ("deep_ensemble", "mc_dropout", "softmax")
"""Those that the sentences speak of, in this order."""

Values = Mapping[str, float]
"""Of the largest size of each method that has a value."""


def answer(results: Results) -> str:
    """Accuracy on clean digits, what turning does, and detection; of one recipe's results.

    A method or a sentence that there are no numbers for is left out.
    """
    sentences = (_clean(results), _rotated(results), _ood(results))
    return " ".join(filter(None, sentences))


def _clean(results: Results) -> str:
    accuracy = _values(results, CLEAN, "accuracy")
    subjects = {
        "deep_ensemble": "the deep ensemble",
        "mc_dropout": "MC-dropout",
        "softmax": "a single network (softmax)",
    }
    verb = " classifies"
    said = []
    for method, value in accuracy.items():
        said.append(f"{subjects[method]}{verb} {100 * value:.1f} %{' correctly' if verb else ''}")
        verb = ""
    return f"Of clean digits {_listed(said)}." if said else ""


def _rotated(results: Results) -> str:
    gap = _values(results, ROTATED_MEAN, "ece")
    if not gap:
        return ""
    members = {"deep_ensemble": "members of the ensemble", "mc_dropout": "passes of MC-dropout"}
    verb = "disagree about an image with a chance of "
    said = []
    for method, value in _values(results, ROTATED_MEAN, "pairwise_disagreement").items():
        said.append(f"two {members[method]} {verb or 'with '}{value:.2f}")
        verb = ""
    chances = f"{_listed(said)}, while " if said else ""
    angles = results.angles_averaged
    ends = " to ".join(dict.fromkeys(f"{angle}°" for angle in (angles[0], angles[-1])))
    return f"Turned by {ends}, {chances}confidence and accuracy are {_gaps(gap)} apart (ECE)."


def _gaps(gap: Values) -> str:
    if gap.keys() == set(METHODS):  # in the order of the disagreements just told
        ensemble, dropout, softmax = (f"{value:.2f}" for value in gap.values())
        return f"{ensemble}, {dropout} and, for softmax, {softmax}"
    names = {"deep_ensemble": "ensemble", "mc_dropout": "MC-dropout", "softmax": "softmax"}
    return _listed([f"{value:.2f} ({names[method]})" for method, value in gap.items()])


def _ood(results: Results) -> str:
    names = {"deep_ensemble": "the ensemble", "mc_dropout": "MC-dropout", "softmax": "softmax"}
    for condition in results.ood:
        auroc = _values(results, condition, "auroc", SCORE)
        if auroc:
            said = [f"{value:.2f} by {names[method]}" for method, value in auroc.items()]
            return (
                f"{condition_label(condition)} is told from clean digits by predictive entropy "
                f"with an AUROC of {_listed(said)}."
            )
    return ""


def _values(results: Results, condition: str, metric: str, score: str = "") -> Values:
    found = {
        variant.method: results.find(variant, condition, metric, score)
        for variant in results.largest
    }
    return {
        method: row["value"]
        for method in METHODS
        if (row := found.get(method)) is not None and row["value"] == row["value"]
    }


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
