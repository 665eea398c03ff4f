"""A cell of a table of quality: its value, and its verdict against the best method."""

from __future__ import annotations

import math
from collections.abc import Iterable

from benchmarks.nouns import Variant
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.table import BEST, EQUIVALENT, TIED, UNTESTED, Cell
from benchmarks.vocabulary import SIGNIFICANT

REFERENCE = "clean images are the reference of detection"
NO_LABELS = "the images have no label"
NOT_MEASURED = "not measured on these images"
"""Why a cell has no value where the summary has no row."""


def compared_cells(
    results: Results,
    variants: tuple[Variant, ...],
    variant: Variant,
    quantities: Iterable[Quantity],
) -> tuple[Cell, ...]:
    """The cells of a variant, with the verdict of its comparison with the best of the variants."""
    return tuple(_compared_cell(results, variants, variant, quantity) for quantity in quantities)


def _compared_cell(
    results: Results, variants: tuple[Variant, ...], variant: Variant, quantity: Quantity
) -> Cell:
    cell, best = value_cell(results, variant, quantity), _best(results, variants, quantity)
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
