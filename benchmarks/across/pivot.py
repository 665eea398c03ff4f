"""Decisions of several runs side by side: which choices agree, and how far rankings do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.io import UserError, read_json
from benchmarks.report.answer.decision import label
from benchmarks.report.answer.questions import judged_by
from benchmarks.report.answer.table import RIVAL, DecisionRow
from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.schema import read_table
from benchmarks.vocabulary import ANSWER_JSON, DECISION_CSV

Question = tuple[str, str]
"""The situation of a user, and the images."""

AS_MANY = "Is one network with dropout as good as the largest ensemble?", ""

YES, IN_PART, NO, UNKNOWN = "yes", "in part", "no", "not known"
"""Whether runs agree: by the same choices, by some of them, by none; a run has no choice."""

FEWEST = 5
"""Of methods that two runs have in common, for a rank correlation."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run, with its answers.

    Attributes:
        label: the name of its folder.
        answers: what it answers to each question, in words by what it is; nothing: no answer.
    """

    label: str
    results: Results
    answers: Mapping[Question, Mapping[str | Candidate, str]]


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs of several folders, in their order.

    Raises:
        UserError: a folder holds no results or no decisions, or there is only one folder.
    """
    paths = list({folder.resolve(): folder for folder in folders})
    if len(paths) < 2:
        raise UserError("there is nothing to compare: name the folders of two runs or more")
    alike = len({path.name for path in paths}) < len(paths)
    return [_read_run(path, path.as_posix() if alike else path.name) for path in paths]


def _read_run(folder: Path, name: str) -> Run:
    results = Results.load(folder)
    decisions = read_table(folder, DECISION_CSV, DecisionRow)
    reply = str(read_json(folder / ANSWER_JSON).get("reply", ""))
    answers: dict[Question, dict[str | Candidate, str]] = {AS_MANY: {reply: reply} if reply else {}}
    for row in (DecisionRow(*row) for row in decisions.itertuples(index=False)):
        choices = answers.setdefault((row.situation, row.images), {})
        if row.method and row.verdict != RIVAL:
            choice = Candidate(row.recipe, row.method, row.members, row.score)
            choices[choice] = label(results, choice)
    return Run(name, results, answers)


def agreement(answers: Sequence[Mapping[str | Candidate, str]]) -> str:
    """Whether the answers to a question agree: `YES`, `IN_PART`, `NO` or `UNKNOWN`."""
    if not all(answers):
        return UNKNOWN
    if all(answer.keys() == answers[0].keys() for answer in answers):
        return YES
    return IN_PART if _in_all(answers) else NO


def _in_all(answers: Sequence[Mapping[str | Candidate, str]]) -> list[str]:
    """What all of the answers name, in words."""
    first, *others = answers
    return [words for key, words in first.items() if all(key in other for other in others)]


def pivot(runs: Sequence[Run]) -> pd.DataFrame:
    """A row a question: situation, images, whether runs agree, what all name, and each answer."""
    rows = []
    for question in dict.fromkeys(question for run in runs for question in run.answers):
        answers = [run.answers.get(question, {}) for run in runs]
        cells = ["; ".join(answer.values()) for answer in answers]
        rows.append([*question, agreement(answers), "; ".join(_in_all(answers)), *cells])
    columns = ["situation", "images", "agree", "in all", *(run.label for run in runs)]
    return pd.DataFrame(rows, columns=columns)


def rank_correlations(runs: Sequence[Run]) -> pd.DataFrame:
    """Spearman's rank correlation of methods between each two runs, by each measure of both.

    A method is the same one if it has the same size, and networks of the same recipe.

    Returns:
        A row a measure: condition, metric, and a column a pair of runs; NaN where both have fewer
        than `FEWEST` methods.
    """
    measured = {run.label: _values(run.results) for run in runs}
    quantities = dict.fromkeys(quantity for run in runs for quantity in judged_by(run.results))
    rows = []
    for quantity in quantities:
        ranks = pd.DataFrame(
            {
                name: pd.Series(values.get(quantity, {}), dtype=float)
                for name, values in measured.items()
            }
        )
        correlations = ranks.corr("spearman", min_periods=FEWEST)
        rows.append(
            [*quantity[:2], *(correlations.loc[pair] for pair in combinations(measured, 2))]
        )
    pairs = [f"{one}, {other}" for one, other in combinations(measured, 2)]
    return pd.DataFrame(rows, columns=["condition", "metric", *pairs])


def _values(results: Results) -> dict[Quantity, dict[Candidate, float]]:
    """By each measure that decides, the value of every method of the sizes of tables."""
    return {
        quantity: {
            choice: float(row["value"])
            for choice in results.candidates
            if (row := results.value(choice, quantity))
        }
        for quantity in judged_by(results)
    }


def summary(decisions: pd.DataFrame, correlations: pd.DataFrame, runs: int) -> str:
    """How many answers agree, and how far rankings do, in a few sentences."""
    count = decisions["agree"].value_counts()
    counted = "; ".join(f"{a}: {count[a]}" for a in (YES, IN_PART, NO, UNKNOWN) if a in count)
    said = f"Do {runs} runs give the same {len(decisions)} answers? {counted}."
    values = correlations.iloc[:, 2:].to_numpy(float)
    if not (known := values[~np.isnan(values)]).size:
        return said
    return (
        f"{said} The rank correlation of methods between two runs is {known.mean():.2f}, averaged "
        "over measures."
    )
