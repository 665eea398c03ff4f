"""Two contestants of a run side by side, by the five measures: ``run_all.py compare A B``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from shutil import get_terminal_size
from textwrap import wrap

import pandas as pd

from benchmarks.inference.evidence import evidence_in
from benchmarks.inference.rule import PairRow, pair
from benchmarks.intake.against import AgainstRow
from benchmarks.io import UserError, print_table
from benchmarks.nouns import Contestant, Names
from benchmarks.report.number_format import UNDEFINED, rounded
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.pivot import heading


def show_comparison(folder: Path, *texts: str) -> None:
    """Print the values of two contestants, and their differences with plain 95 % intervals.

    Raises:
        UserError: a text names no single contestant, or the run has kept no influences.
    """
    results = Results.load(folder)
    evidence, names = evidence_in(folder), results.names
    every = {names.by_primary(each) for kept in evidence for each in kept.contestants}
    known = {key_of(results, each): each for each in sorted(every)}
    chosen = [_chosen(text, known) for text in texts]
    if len({*chosen}) == 1:
        raise UserError(f"both are {chosen[0]}; name two contestants")
    for letter, key in zip("AB", chosen, strict=True):
        choice = known[key]
        print(f"{letter}: {results.label(choice)}, {results.replicates(choice)} replicates")
    first, second = (known[key] for key in chosen)
    rows = [_cells(results, pair(kept, names, first, second)) for kept in evidence]
    headings = "Measure", "A", "B", "A − B", "95 % interval", "Images"
    print_table(headings, [cells[:-1] for cells in rows])
    for note in dict.fromkeys(cells[-1] for cells in rows if cells[-1]):
        measures = [" ".join(cells[0].split()) for cells in rows if cells[-1] == note]
        print(f"{'; '.join(measures)}: {note}.")
    print("Each interval is of this pair alone; those of the rule allow for all contestants.")


def show_differences(results: Results, differences: pd.DataFrame) -> None:
    """Print how methods of others differ from one network, and from what may be the best."""
    for method, rows in differences.groupby("method", sort=False):
        shown = []
        for row in rows.itertuples(index=False):
            pair = PairRow(*row[-len(PairRow._fields) :])
            other = Contestant(*row[1 : -len(PairRow._fields)])
            best = results.is_best(other, Quantity(pair.condition, pair.metric))
            if best or other == results.network_alone():
                measure, *cells = _cells(results, pair)
                shown.append((measure, results.label(other), *cells[:4]))
        print(f"{method} less one network, and less what may be the best")
        print_table(("Measure", "Other", "Yours", "Other's", "Difference", "95 % interval"), shown)
    print(
        "Each interval is of its pair alone, and leaves out how another network of yours differs."
    )


def show_against(names: Names, rows: pd.DataFrame) -> None:
    """Print what predictions are against people's answers or a reference: ``against.csv``."""
    for against, own in rows.groupby("against", sort=False):
        shown = []
        for row in (AgainstRow(*cells) for cells in own.itertuples(index=False)):
            ranked = f", {names.score(row.score).label.lower()}" if row.score else ""
            measure = row.measure.replace("_", " ") + ranked
            numbers = _with_interval(row.lower, row.upper, row.value)
            shown.append((row.method, measure, *numbers, f"{row.images:,}"))
        print(f"Against {against}")
        print_table(("Method", "Measure", "Value", "95 % interval", "Images"), shown)


def key_of(results: Results, choice: Contestant) -> str:
    """What it is called: as in ``figure --methods``, with its score behind if it has its own."""
    return "-".join(filter(None, (results.names.key(choice), choice.score)))


def _chosen(text: str, known: Mapping[str, Contestant]) -> str:
    """The key of a contestant that is named by it, or by a method or score of the least budget."""
    names = {key: each.score or each.method for key, each in known.items()}
    named = [key for key, name in names.items() if text == name]
    if text in names or len(named) == 1:
        return text if text in names else named[0]
    least = [key for key in named if known[key].budget == min(known[k].budget for k in named)]
    if len(least) == 1:  # as it comes, by the least budget
        return least[0]
    if named:
        raise UserError(f"there are several of {text!r}; choose from {', '.join(named)}")
    close = get_close_matches(text, [*names, *names.values()], 6) or names.values()
    choices = ", ".join(dict.fromkeys(close))
    raise UserError(f"there is no contestant {text!r} in this run; choose from {choices}")


def _cells(results: Results, row: PairRow) -> tuple[str, ...]:
    """The row of a measure."""
    measure = heading(results, Quantity(row.condition, row.metric)).replace("\n", ", ")
    lines = wrap(measure, max(get_terminal_size().columns - 60, 20))
    numbers = _with_interval(row.lower, row.upper, row.first, row.second, row.difference)
    return ("\n".join(lines), *numbers, f"{row.images:,}", row.reason)


def _with_interval(lower: float, upper: float, *values: float) -> list[str]:
    """The values and the interval, all with the decimals that the interval justifies."""
    half = (upper - lower) / 2
    *shown, low, high = (
        UNDEFINED if math.isnan(number) else rounded(number, half)[0]
        for number in (*values, lower, upper)
    )
    return [*shown, UNDEFINED if math.isnan(half) else f"{low} to {high}"]
