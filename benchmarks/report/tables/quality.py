"""The cells of tables of quality: values with verdicts against the best, and worth in networks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product

from benchmarks.nouns import Variant
from benchmarks.report.answer.evidence import networks
from benchmarks.report.editorial import RIGHT
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.pivot import NO_LABELS, NOT_MEASURED, REFERENCE, Pivot, Place
from benchmarks.report.tables.table import BEST, EQUIVALENT, TIED, UNTESTED, Cell
from benchmarks.schema import where
from benchmarks.vocabulary import SIGNIFICANT


def quality(results: Results, pivot: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The mean over replicates, with its verdict against the best of the methods shown."""
    quantities = list(pivot.quantities(results))
    variants = results.evaluated_on([quantity.condition for quantity in quantities])
    for quantity in quantities:
        for variant, cell in compared_cells(results, variants, quantity).items():
            yield _place(results, variant, quantity), cell


def abstaining(results: Results, pivot: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The error in percent, by the share of images that methods abstain on.

    Without the remarks on intervals that `summary.csv` has.
    """
    for place, cell in quality(results, pivot):
        metric = str(place["Metric"][0])
        share = 100 * (1 - results.names.metric(metric).coverage)
        error = 1 - cell.value if metric == RIGHT else cell.value
        heading = f"Abstains\non {share:.4g} %" if share else "Error of\nall images"
        yield (
            {**place, "Abstaining": (metric, heading)},
            cell._replace(
                value=100 * error,
                half_width=100 * cell.half_width,
                reason="" if cell.status == "ok" else cell.reason,
            ),
        )


def worth(results: Results, pivot: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The size of the ensemble that does as well, with its interval; else the reason.

    By primary scores, a condition is left out where no method has such a number.
    """
    table = results.worth
    if table.empty:
        return
    ensembles = dict.fromkeys(zip(table["ensemble_recipe"], table["ensemble"], strict=True))
    quantities = list(pivot.quantities(results))
    known = where(results.by_primary_score(table), status="ok")
    known = known[known["metric"].isin({quantity.metric for quantity in quantities})]
    for quantity in quantities:
        if not quantity.score and quantity.condition not in set(known["condition"]):
            continue
        for variant, ensemble in product(results.compared, ensembles):
            row = results.worth_in(results.side(variant, quantity), ensemble, quantity)
            place = {
                **_place(results, variant, quantity),
                "Metric": (quantity.metric, results.names.printed(quantity.metric).title),
                "Ensembles of": (ensemble, ensemble[0]),
            }
            yield place, worth_cell(row)


def sampling_error(results: Results, pivot: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The mean difference between the sampled and the exact prediction of the same network."""
    errors = results.curve("sampling_error")
    if errors.empty:
        return
    for row in errors.to_dict("records"):
        quantity = Quantity(row["condition"], row["measure"])
        if quantity in set(pivot.quantities(results)):
            half_width = (row["upper"] - row["lower"]) / 2
            status = "undefined" if math.isnan(half_width) else "ok"
            place = _place(results, Variant(row["method"], row["members"]), quantity)
            yield place, Cell(row["difference"], half_width, status)


def votes_spread(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """How much the votes for each class scatter on the article's images, and by what."""
    columns = {
        "networks": "Networks",
        "mean_share": "Mean\nshare",
        "std_by_network": "Std. between\nnetworks",
        "std_by_passes": "Std. between\nsamples",
        "variance_by_network": "Variance\nbetween networks",
    }
    for row in results.curve("claims-spread").to_dict("records"):
        place = {axis: (row[axis.lower()], f"{row[axis.lower()]}") for axis in ("Image", "Class")}
        for column, heading in columns.items():
            cell = Cell(row[column], text=str(row[column]) if column == "networks" else "")
            yield {**place, "Spread": (column, heading)}, cell


def compared_cells(
    results: Results, variants: tuple[Variant, ...], quantity: Quantity
) -> Mapping[Variant, Cell]:
    """The cells of these variants, with the verdict of their comparison with the best of them."""
    best = _best(results, variants, quantity)
    return {variant: _compared_cell(results, best, variant, quantity) for variant in variants}


def _compared_cell(
    results: Results, best: Variant | None, variant: Variant, quantity: Quantity
) -> Cell:
    cell = value_cell(results, variant, quantity)
    if best is None or math.isnan(cell.value):
        return cell
    if variant == best:
        return cell._replace(verdict=BEST)
    tested = results.tested(best, variant, quantity)
    if tested is None or math.isnan(tested.p_value):
        return cell._replace(verdict=UNTESTED)
    if tested.p_value < SIGNIFICANT:
        return cell
    equivalent = tested.p_equivalent < SIGNIFICANT
    return cell._replace(verdict=EQUIVALENT if equivalent else TIED)


def value_cell(results: Results, variant: Variant, quantity: Quantity) -> Cell:
    """The cell of a variant, without a verdict."""
    row = results.find(variant, quantity)
    if row is None:
        return Cell(reason=_why_missing(results, quantity))
    return Cell(row["value"], (row["upper"] - row["lower"]) / 2, row["status"], row["reason"])


def _why_missing(results: Results, quantity: Quantity) -> str:
    """Why the summary has no row."""
    condition = results.names.condition(quantity.condition)
    needs = results.names.metric(quantity.metric).needs
    if "reference" in needs and condition.name == condition.reference:
        return REFERENCE
    return NO_LABELS if "labels" in needs and condition.labels == "none" else NOT_MEASURED


def _best(results: Results, variants: tuple[Variant, ...], quantity: Quantity) -> Variant | None:
    """The best of those that were compared with one another; ``None`` if there is no such.

    Methods that train themselves on other images than the recipe are only compared among
    themselves.
    """
    metric = results.names.metric(quantity.metric)
    if not metric.better or metric.biased:
        return None
    values = {
        variant: row["value"]
        for variant in variants
        if variant in results.contestants
        and _trained_as_the_recipe(results, variant)
        and (row := results.find(variant, quantity)) is not None
        and row["status"] == "ok"
        and math.isfinite(row["value"])
    }
    if len(values) < 2:
        return None
    best = (max if metric.better == "higher" else min)(values, key=lambda variant: values[variant])
    compared = any(results.tested(best, other, quantity) for other in values)
    return best if compared else None


def _trained_as_the_recipe(results: Results, variant: Variant) -> bool:
    """Whether the method is fitted on as many images as the networks of the results' recipe."""
    images = results.names.method(variant.method).images
    of_recipe = results.names.training_images(results.recipes).values()
    return not images or not of_recipe or images in of_recipe


def worth_cell(row: Mapping[str, str] | None) -> Cell:
    """How many networks something is worth, as a row of ``worth.csv`` has it."""
    if row is None:
        return Cell(reason=NOT_MEASURED)
    if row["status"] != "ok":
        return Cell(reason=row["reason"])
    text = f"{row['worth']} ({row['worth_lower']}–{row['worth_upper']})"
    return Cell(networks(row["worth"]), status="ok", text=text)


def _place(results: Results, variant: Variant, quantity: Quantity) -> Place:
    names, label = results.names, results.label_of(quantity.condition)
    printed = names.printed(quantity.metric)
    return {
        "Images": (quantity.condition, label),
        "Method": (variant, names.label(variant)),
        "Score": (quantity.score, names.score(quantity.score).label),
        "Metric": (quantity.metric, printed.heading),
        "Measure": (quantity, f"{printed.title}\n{label}"),
    }
