"""Tables as pivots: what a table is of is declared, and one engine makes all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.report.texts import listed
from benchmarks.vocabulary import SELF_TRAINED

REFERENCE = "clean images are the reference of detection"
NO_LABELS = "the images have no label"
NOT_MEASURED = "not measured on these images"
MISSING = (REFERENCE, NO_LABELS, NOT_MEASURED)
"""Why there is no cell. Rows and columns that have nothing else are left out."""

Label = tuple[Hashable, str]
"""What something is, and what it is called: two things may be called alike."""

Place = Mapping[str, Label]
"""What a cell is of on each axis, by the heading of the axis."""

Source = Callable[[Results, "Pivot"], Iterable[tuple[Place, Cell]]]
"""The cells of a pivot, from results of one recipe; in the order of their rows and columns."""


@dataclass(frozen=True)
class Pivot:
    """The declaration of a table.

    Attributes:
        name: of its files.
        title: what it shows; the caption has recipes and numbers of images, too.
        quantities: what it shows; none where it shows no measures.
        source: where its cells come from.
        group: the axis by which rows are grouped, if any.
        rows: the axes whose values name a row.
        columns: the axis of the columns.
        notes: what else the reader must know, in sentences.
        by_recipe: whether it has a block of rows a recipe.
    """

    name: str
    title: str
    quantities: Callable[[Results], Iterable[Quantity]]
    source: Source
    group: str = "Images"
    rows: tuple[str, ...] = ("Method",)
    columns: str = "Metric"
    notes: Callable[[Results, Pivot], Iterable[str]] = lambda *_: ()
    by_recipe: bool = True


def table_of(pivot: Pivot, results: Results) -> Table | None:
    """The table of a run's results, of all recipes; ``None`` if it would be empty."""
    recipes = results.recipes if pivot.by_recipe else (SELF_TRAINED,)
    lines: dict[tuple[str, Label, tuple[Label, ...]], dict[Label, Cell]] = {}
    for recipe in recipes:
        of_recipe = results.of_recipe(recipe) if pivot.by_recipe else results
        for place, cell in pivot.source(of_recipe, pivot):
            group = place[pivot.group] if pivot.group else ("", "")
            line = recipe, group, tuple(place[axis] for axis in pivot.rows)
            lines.setdefault(line, {})[place[pivot.columns]] = cell
    lines = {line: cells for line, cells in lines.items() if _is_measured(cells.values())}
    if not lines:
        return None
    columns = [
        column
        for column in dict.fromkeys(chain(*lines.values()))
        if _is_measured(cells[column] for cells in lines.values() if column in cells)
    ]
    blocks = list(dict.fromkeys((recipe, group) for recipe, group, _ in lines))
    return Table(
        name=pivot.name,
        caption=f"{pivot.title}.{_setting(results, pivot, recipes)}",
        group_heading=pivot.group,
        label_headings=pivot.rows,
        headings=tuple(text for _, text in columns),
        rows=tuple(
            Row(
                group[1],
                tuple(text for _, text in labels),
                tuple(cells.get(column, Cell(reason=NOT_MEASURED)) for column in columns),
                "" if recipe == SELF_TRAINED else recipe,
            )
            for (recipe, group, labels), cells in sorted(
                lines.items(), key=lambda line: blocks.index(line[0][:2])
            )
        ),
        remarks=tuple(filter(None, pivot.notes(results, pivot))),
    )


def _is_measured(cells: Iterable[Cell]) -> bool:
    return any(cell.reason not in MISSING for cell in cells)


def _setting(results: Results, pivot: Pivot, recipes: Sequence[str]) -> str:
    """Of which recipes and how many images a table is, in its caption."""
    trained = [recipe for recipe in recipes if recipe != SELF_TRAINED]
    said = [f"recipe{'s' if len(trained) > 1 else ''} {listed(trained)}"] if trained else []
    conditions = {quantity.condition for quantity in pivot.quantities(results)}
    if conditions:
        evaluated = results.summary["condition"].isin(conditions)
        counts = sorted(set(results.summary.loc[evaluated, "images"]) - {0}) or [0]
        images = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
        said.append(f"{images} images per condition")
    text = ", ".join(said)
    return f" {text[0].upper()}{text[1:]}." if text else ""
