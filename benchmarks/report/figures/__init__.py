"""The figures of a run: declared as data, drawn once, and any of them as a user wants it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, cast

from matplotlib.figure import Figure

from benchmarks.io import UserError, written_whole
from benchmarks.nouns import Variant
from benchmarks.parallel import parallel
from benchmarks.progress import announce
from benchmarks.report.figures.declared import FIGURES
from benchmarks.report.figures.engine import Canvas, Declared, Drawing, View, draw, in_print, page
from benchmarks.report.figures.files import Drawn, svg_and_png, write_figures
from benchmarks.report.results import Results
from benchmarks.report.style import DPI, looks

__all__ = [
    "Canvas",
    "Choice",
    "Drawing",
    "Drawn",
    "drawn_figures",
    "figure",
    "figure_names",
    "one_figure",
    "save_figure",
    "write_figures",
]

FEWEST_OF_A_PROCESS = 10
"""How many figures are drawn in about the time that another process takes to begin."""

MOST_FIGURES = 30
"""Of a run, which names the others: each is a command away."""

UNDATED: Mapping[str, Any] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
"""The formats of a user's figure, and what keeps the time out of each."""


class Choice(NamedTuple):
    """What a figure is to show.

    Attributes:
        methods: by name, of a certain size with that behind it (``mc_dropout-50``); empty: all.
        metrics, conditions: empty: those that the figure shows by itself.
    """

    methods: Sequence[str] = ()
    metrics: Sequence[str] = ()
    conditions: Sequence[str] = ()


NOTHING_CHOSEN = Choice()


class Wanted(NamedTuple):
    """A figure that a run has: the results of its recipe, this, and the figure's name."""

    results: Results
    recipe: str
    name: str


def drawn_figures(results: Results, jobs: int = 1) -> list[Drawn]:
    """The figures of a run in the order of the page: of its main recipe, and then of others.

    Args:
        results: of all recipes.
        jobs: how many processes draw in parallel, at most.
    """
    wanted = [
        Wanted(results.of_recipe(recipe), recipe, name)
        for recipe in results.recipes
        for name, (declared, _) in _known(results.of_recipe(recipe)).items()
        if _is_wanted(results, recipe, declared)
    ]
    jobs = max(1, min(jobs, len(wanted) // FEWEST_OF_A_PROCESS))
    shares = [wanted[first::jobs] for first in range(jobs)]
    drawn = chain.from_iterable(
        parallel(_draw_share, shares, stage="report", what="shares of the figures", jobs=jobs)
    )
    order = [f"{name}-{recipe}" for _, recipe, name in wanted]
    figures = sorted(drawn, key=lambda figure: order.index(figure.name))
    if further := [figure.name for figure in figures[MOST_FIGURES:]]:
        announce("report", f"without {', '.join(further)}, which the command figure draws")
    return figures[:MOST_FIGURES]


def _is_wanted(results: Results, recipe: str, declared: Declared) -> bool:
    """Whether a run has the figure of this recipe."""
    if declared.of == "claims":
        return results.claims is not None and recipe == results.claims["setting"]["recipe"]
    return declared.of == "every" or recipe == results.recipes[0]


def _draw_share(share: Sequence[Wanted]) -> list[Drawn]:
    """The figures of a share that there are numbers for."""
    drawn = []
    with in_print():
        for results, recipe, name in share:
            declared, view = _chosen_view(results, name, NOTHING_CHOSEN)
            if drawing := draw(declared, view):
                title, name = drawing.title, f"{drawing.name}-{recipe}"
                section = declared.section.format(group=view.group)
                files = svg_and_png(cast(Figure, drawing.figure), name, title)
                about = (name, title, declared.caption, section, recipe)
                drawn.append(Drawn(*about, *files, drawing.numbers))
    return drawn


def figure_names(results: Results) -> list[str]:
    """The names of the figures of one recipe that there are numbers for."""
    views = {name: _chosen_view(results, name, NOTHING_CHOSEN) for name in _known(results)}
    return [
        name for name, (declared, view) in views.items() if not declared.numbers(view).rows.empty
    ]


def one_figure(
    results: Results,
    name: str,
    choice: Choice = NOTHING_CHOSEN,
    canvas: Canvas = page,
    *,
    titled: bool = True,
) -> Drawing:
    """Draw a figure of one recipe.

    Args:
        results: of this recipe.
        canvas: gives the place that it fills; by default a figure of its own.
        titled: whether the finding is written above.

    Raises:
        UserError: there is no such figure, or it has no numbers of something that is chosen.
    """
    with in_print():
        declared, view = _chosen_view(results, name, choice)
        drawing = draw(declared, view, canvas, titled=titled)
    if drawing is None:
        raise UserError(
            f"there are no numbers for the figure {name!r} of what is chosen; figures that there "
            f"are: {', '.join(figure_names(results)) or 'none'}"
        )
    _require_shown(drawing, choice)
    return drawing


def _require_shown(drawing: Drawing, choice: Choice) -> None:
    """Stop at what was chosen and would be missing, rather than draw something else."""
    numbers = drawing.numbers
    if choice.methods and "method" not in numbers:
        raise UserError(f"the figure {drawing.name!r} has no methods to choose from")
    for column, names in (("metric", choice.metrics), ("condition", choice.conditions)):
        for name in names:
            if column not in numbers or name not in set(numbers[column]):
                raise UserError(f"the figure {drawing.name!r} has no numbers of {column} {name!r}")


def figure(
    run: str | Path | Results,
    name: str,
    *,
    methods: Sequence[str] = (),
    recipe: str | None = None,
    metrics: Sequence[str] = (),
    conditions: Sequence[str] = (),
    out: str | Path | None = None,
    title: bool = True,
) -> Figure:
    """Draw a figure of a run as a paper needs it.

    Args:
        run: its folder, or its results.
        name: such as ``rotated`` or ``roc``; the recipe is not part of it.
        methods: by name, of a certain size with that behind it (``mc_dropout-50``); by default all.
        recipe: by default the run's main one.
        metrics, conditions: by default those that the figure shows by itself.
        out: a file to write: PDF, SVG or PNG, as its name ends.
        title: whether the finding is written above the figure; a caption may say it instead.

    Raises:
        UserError: the run has no such figure, recipe, method, metric or condition.
    """
    results = run if isinstance(run, Results) else Results.load(Path(run))
    recipe = recipe or results.recipes[0]
    _require("recipe", [recipe], results.recipes)
    choice = Choice(methods, metrics, conditions)
    drawn = one_figure(results.of_recipe(recipe), name, choice, titled=title)
    made = cast(Figure, drawn.figure)
    if out is not None:
        save_figure(made, Path(out))
    return made


def save_figure(made: Figure, path: Path) -> None:
    """Write a figure as a whole file; the same figure gives the same bytes.

    Raises:
        UserError: its name does not say in which format.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in UNDATED:
        raise UserError(f"{path}: there is no format {kind!r}; end the name in .pdf, .svg or .png")
    with in_print(), written_whole(path) as temporary:
        made.savefig(temporary, format=kind, dpi=DPI, metadata=UNDATED[kind])


def _known(results: Results) -> dict[str, tuple[Declared, str]]:
    """The figures by their names, with the group of those that there are for each group."""
    known = {}
    for declared in FIGURES:
        for group in results.severities if "{group}" in declared.name else ("",):
            known[declared.name.format(group=group)] = declared, group
    return known


def _chosen_view(results: Results, name: str, choice: Choice) -> tuple[Declared, View]:
    """A figure with the view that is chosen.

    Raises:
        UserError: there is no such figure, or no such method, metric or condition.
    """
    known = _known(results)
    _require("figure", [name], known)
    _require("metric", choice.metrics, set(results.summary["metric"]))
    _require("condition", choice.conditions, set(results.summary["condition"]))
    declared, group = known[name]
    shown = results.largest
    variants = [*_chosen(results, choice.methods)] or shown
    every = looks(results.names, sorted({*shown, *variants}, key=results.names.rank))
    if choice.methods:
        results = _of_methods(results, choice.methods, variants)
    view = View(
        results,
        {variant: every[variant] for variant in variants},
        tuple(variants) if choice.methods else results.shown,
        tuple(choice.metrics),
        tuple(choice.conditions),
        group,
    )
    return declared, view


def _chosen(results: Results, methods: Sequence[str]) -> Iterator[Variant]:
    """The methods and sizes that are named; of a name alone the sizes that figures show."""
    known = {variant.key: [variant] for variant in results.variants}
    known |= {
        method: [largest for largest in results.largest if largest.method == method]
        for method in dict.fromkeys(variant.method for variant in results.variants)
    }
    _require("method", methods, known)
    for name in dict.fromkeys(methods):
        yield from known[name]


def _of_methods(results: Results, methods: Sequence[str], variants: Sequence[Variant]) -> Results:
    """The results of these methods and sizes alone, so that findings are of what is shown.

    Of a method that is named without a size, all sizes stay.
    """
    pairs = zip(results.summary["method"], results.summary["members"], strict=True)
    shown = [pair[0] in methods or Variant(*pair) in variants for pair in pairs]
    return replace(results, summary=results.summary[shown])


def _require(what: str, names: Sequence[str], known: Collection[str]) -> None:
    """Stop at a name that is not known."""
    for name in names:
        if name not in known:
            choices = ", ".join(sorted(known)) or "none"
            raise UserError(f"there is no {what} {name!r}; choose from {choices}")
