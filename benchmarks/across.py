"""What holds in several runs, for example of several tasks: ``uncertainty-bench across RUN…``.

It reads what each run recommends for networks of its main recipe, question by question, and says
which choices agree and how far rankings of methods do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.io import UserError, read_json, require_distinct, write_json, write_whole
from benchmarks.nouns import Names
from benchmarks.report.answer.decision import judged_by, label
from benchmarks.report.answer.table import USE, DecisionRow
from benchmarks.report.number_format import UNDEFINED
from benchmarks.report.results import Candidate, Quantity, Results, fingerprints
from benchmarks.report.tables.table import Cell, Row, Table, markdown
from benchmarks.schema import read_table, write_table
from benchmarks.vocabulary import ACROSS_JSON, ACROSS_MD, ANSWER_JSON, DECISION_CSV

DECISIONS_CSV, RANKINGS_CSV = "decisions.csv", "rankings.csv"

MOST_CHOICES = 3
"""In a cell of the page; the CSV names all."""

QuestionKey = tuple[str, str]
"""The situation of a user, and the images."""

AS_MANY = "Is one network with dropout as good as the largest ensemble?", ""

YES, IN_PART, NO, UNKNOWN = "yes", "in part", "no", "not known"
"""Whether runs agree: they recommend the same; something is tied with the best in all; nothing is;
a run has no choice."""

FEWEST = 5
"""Of methods that two runs have in common, for a rank correlation."""


Answer = Mapping[str, str]
"""Choices in words, each with what it is recommended by: `BY_ALL`, or some measures; empty: it is
tied with what is. Or a reply."""

BY_ALL = "all measures"


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """A run, with its answers.

    Attributes:
        label: the name of its folder.
        answers: to each question; nothing: no answer.
    """

    label: str
    results: Results
    answers: Mapping[QuestionKey, Answer]


def read_runs(folders: Sequence[Path]) -> list[ComparedRun]:
    """The runs of several folders, in their order.

    Raises:
        UserError: a folder holds no results or no decisions, or there is only one folder.
    """
    paths = [folder.resolve() for folder in folders]
    require_distinct("RUN", list(map(str, paths)))
    if len(paths) < 2:
        raise UserError("there is nothing to compare: name the folders of two runs or more")
    alike = len({path.name for path in paths}) < len(paths)
    return [_read_run(path, path.as_posix() if alike else path.name) for path in paths]


def _read_run(folder: Path, name: str) -> ComparedRun:
    results = Results.load(folder)
    decisions = read_table(folder, DECISION_CSV, DecisionRow)
    reply = str(read_json(folder / ANSWER_JSON).get("reply", ""))
    answers: dict[QuestionKey, dict[str, str]] = {AS_MANY: {reply: BY_ALL} if reply else {}}
    for row in (DecisionRow(*row) for row in decisions.itertuples(index=False)):
        if row.networks == results.recipes[0]:
            choices = answers.setdefault((row.situation, row.images), {})
            if row.method:
                choice = Candidate(row.recipe, row.method, row.members, row.score)
                _, _, measures = row.use.partition(", by ")
                by = measures or BY_ALL if row.verdict == USE else ""
                choices[label(results, choice)] = by
    return ComparedRun(name, results, answers)


def agreement(answers: Sequence[Answer]) -> str:
    """Whether the answers to a question agree: `YES`, `IN_PART`, `NO` or `UNKNOWN`."""
    if not all(answers):
        return UNKNOWN
    recommended = [{name: by for name, by in answer.items() if by} for answer in answers]
    if all(choices == recommended[0] for choices in recommended):
        return YES
    return IN_PART if _in_all(answers) else NO


def _in_all(answers: Sequence[Answer]) -> list[str]:
    """The choices that all of the answers have."""
    return [choice for choice in answers[0] if all(choice in answer for answer in answers)]


def pivot(runs: Sequence[ComparedRun]) -> pd.DataFrame:
    """A row a question: situation, images, whether runs agree, what all have, and each answer."""
    rows = []
    for question in dict.fromkeys(question for run in runs for question in run.answers):
        answers = [run.answers.get(question, {}) for run in runs]
        cells = ["; ".join(answer) for answer in answers]
        rows.append([*question, agreement(answers), "; ".join(_in_all(answers)), *cells])
    columns = ["situation", "images", "agree", "in all", *(run.label for run in runs)]
    return pd.DataFrame(rows, columns=columns)


def rank_correlations(runs: Sequence[ComparedRun]) -> pd.DataFrame:
    """Spearman's rank correlation of methods between each two runs, by each measure of both.

    Of methods with networks of a run's main recipe; a method is the same one if it has the same
    size, and these recipes are called alike.

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
    return pd.DataFrame(
        rows, columns=["condition", "metric", *map(", ".join, combinations(measured, 2))]
    )


def _values(results: Results) -> dict[Quantity, dict[Candidate, float]]:
    """By each measure that decides, the value of every method of the main recipe."""
    main = results.for_recipe(results.recipes[0])
    return {
        quantity: {
            choice: float(row["value"])
            for choice in main.candidates
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


def write_across(folders: Sequence[Path], out: Path) -> str:
    """Compare the runs of several folders, write the files, and return the summary.

    Raises:
        UserError: see `read_runs`.
    """
    runs = read_runs(folders)
    decisions, correlations = pivot(runs), rank_correlations(runs)
    names = [run.results.names for run in runs]
    in_words = summary(decisions, correlations, len(runs))
    tables = decisions_table(decisions), rankings_table(correlations, names)
    text = "\n".join([f"# Across runs\n\n{in_words}\n", *map(markdown, tables)])
    write_whole(out / ACROSS_MD, text)
    write_json({"runs": fingerprints(folders), "summary": in_words}, out / ACROSS_JSON)
    write_table(decisions, out, DECISIONS_CSV)
    write_table(correlations.round(4), out, RANKINGS_CSV)
    return in_words


def decisions_table(decisions: pd.DataFrame) -> Table:
    """The pivot of decisions in print."""
    return Table(
        name="decisions",
        caption="Which method to use, by run.",
        group_heading="Situation",
        label_headings=("Judged on", "Agree", "In all runs", *decisions.columns[4:]),
        headings=(),
        rows=tuple(
            Row(str(row[0]), tuple(_shortened(str(text)) for text in row[1:]), ())
            for row in decisions.itertuples(index=False)
        ),
        remarks=(
            "A run recommends the first of what it names, or by some measures one and by others "
            "another, by networks of its main recipe; the others are tied with the best, too "
            "(docs/statistics.md). Runs agree in part if something is named by all; a "
            "method at another size is another choice. The more images and networks a run has, "
            "the fewer are tied.",
        ),
    )


def _shortened(choices: str) -> str:
    """The first of many choices, and how many others there are."""
    names = choices.split("; ")
    if len(names) <= MOST_CHOICES:
        return choices or UNDEFINED
    return f"{'; '.join(names[:MOST_CHOICES])} and {len(names) - MOST_CHOICES} more"


def rankings_table(correlations: pd.DataFrame, runs: Sequence[Names]) -> Table:
    """A row a measure, a column a pair of runs; as the first run that has a condition calls it."""

    def label(condition: str) -> str:
        conditions = (known for names in runs for known in names.conditions)
        return next((known.label for known in conditions if known.name == condition), condition)

    return Table(
        name="rankings",
        caption="Spearman's rank correlation of methods between two runs.",
        group_heading="",
        label_headings=("Images", "Measure"),
        headings=tuple(correlations.columns[2:]),
        rows=tuple(
            Row(
                "",
                (label(condition), runs[0].printed(metric).name),
                tuple(Cell() if pd.isna(value) else Cell(text=f"{value:.2f}") for value in values),
            )
            for condition, metric, *values in correlations.itertuples(index=False)
        ),
        remarks=(
            "Over methods at the sizes of tables with networks of the main recipe, as far as both "
            "runs have them.",
        ),
    )
