"""The page of a run: a template around its figures, its tables and its answer, in one file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from benchmarks.io import read_run_json, written_whole
from benchmarks.report.answer.answer import answer
from benchmarks.report.claims import claims_shown
from benchmarks.report.editorial import PREVIEW
from benchmarks.report.figures import Drawn
from benchmarks.report.page.explorer import explorer
from benchmarks.report.provenance import provenance
from benchmarks.report.published import published_shown
from benchmarks.report.read.across import summary_beside
from benchmarks.report.results import Results
from benchmarks.report.tables.remarks import left_out_remark, training_images_remark
from benchmarks.report.tables.table import Row, Table, one_line
from benchmarks.report.texts import listed
from benchmarks.vocabulary import ACROSS_FOLDER, ACROSS_MD, ILL_DEFINED, INDEX_HTML, LAB_HTML


class Section(NamedTuple):
    """A section of figures and tables.

    Attributes:
        figures: what its figures name as their section.
        tables: the names of its tables.
    """

    anchor: str
    title: str
    figures: str
    tables: tuple[str, ...] = ()


BEFORE_SHIFTS = (
    Section("ranking", "Ranking", "ranking", ("kinds", "main", "shifts", "subset", "exact")),
    Section("calibration", "Calibration", "calibration", ("calibration", "sets-95", "sets-99")),
)
AFTER_SHIFTS = (
    Section(
        *("detection", "Detection", "detection"),
        ("detection", "detection-scores", "uncertainty"),
    ),
    Section(
        *("selective", "Selective prediction", "selective"),
        ("abstaining", "selective", "selective-scores"),
    ),
    Section(
        *("cost", "Cost", "cost"),
        ("cost", "worth", "worth-scores", "latency", "latency-scores", "resources"),
    ),
)
"""The sections before and after those of the shifts, of which each run has its own."""

IN_VIEW = 2
"""Figures of a section that are in view; the others open by a click."""

WIDTHS = {"min": 1.35, "max": 1.9}
"""Pixels a point of a figure: its letters can be read, and a phone scrolls a wide one."""


def write_page(
    results: Results, tables: Sequence[Table], figures: Sequence[Drawn], folder: Path
) -> None:
    """Write the page of the run whose files are in the folder; the same files give the same bytes.

    Args:
        results: those of all recipes.
        tables: of which the page shows those that a section names.
        figures: which are all on the page.
    """
    html = (
        _environment()
        .get_template("page.html.j2")
        .render(_content(results, tables, figures, folder))
    )
    with written_whole(folder / INDEX_HTML) as temporary:
        temporary.write_text(html, encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("benchmarks.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "code": _code,
        "drawing": drawing,
        "number": _number,
        "one_line": one_line,
        "recipe_of": _recipe_of,
    }
    environment.globals |= {"ILL_DEFINED": ILL_DEFINED, "IN_VIEW": IN_VIEW}
    return environment


def _content(
    results: Results, tables: Sequence[Table], figures: Sequence[Drawn], folder: Path
) -> dict[str, Any]:
    configuration = read_run_json(folder).get("configuration", {})
    names = results.names
    return {
        "names": names,
        "about": _about(results),
        "setting": _setting(configuration),
        "left_out": left_out_remark(results.left_out),
        "trained_on": training_images_remark(names.training_images(results.recipes)),
        "is_quick": configuration.get("preset") == PREVIEW,
        "recipes": results.recipes,
        "trained": [one for one in names.recipes if one.name in results.recipes],
        "lab": LAB_HTML if (folder / LAB_HTML).exists() else "",
        "answer": answer(results),
        "across": summary_beside(folder),
        "across_md": f"../{ACROSS_FOLDER}/{ACROSS_MD}",
        "tables": {table.name: table for table in tables},
        "figures": figures,
        "sections": _sections(results),
        "claims": claims_shown(results),
        "published": published_shown(folder, names),
        "images": explorer(results),
        "metrics": [(names.printed(metric.name), metric) for metric in names.metrics],
        "scores": [(names.printed_score(score.name), score) for score in names.scores],
        "methods": [names.method(v.method) for v in results.largest],
        "conditions": results.conditions,
        "provenance": provenance(folder),
        "style": _static("page.css"),
        "script": _static("page.js"),
    }


def _sections(results: Results) -> list[Section]:
    """All but those that are the same on every page; nothing of others' predictions costs."""
    own = {section.figures for section in (*BEFORE_SHIFTS, *AFTER_SHIFTS)}
    shifts = (
        Section(f"group-{group}", f"{group.capitalize()} images", group)
        for group in results.severities
        if group not in own
    )
    every = (*BEFORE_SHIFTS, *shifts, *AFTER_SHIFTS)
    return [one for one in every if results.names.recipes or one.figures != "cost"]


def drawing(figure: Drawn) -> Markup:
    """A figure as an element of the page, as wide as its letters need and no wider."""
    (width,) = re.findall(r'^<svg[^>]* width="([\d.]+)pt"', figure.svg)
    sizes = (f"{what}-width: {times * float(width):.0f}px" for what, times in WIDTHS.items())
    return Markup(figure.svg.replace(' style="', f' style="{"; ".join(sizes)}; ', 1))


def _recipe_of(row: Row, table: Table) -> str:
    """The recipe that a row is of; empty where the table does not say."""
    return row.recipe or dict(zip(table.label_headings, row.labels, strict=True)).get("Recipe", "")


def _about(results: Results) -> str:
    """On which images."""
    groups = listed(list(dict.fromkeys(one.group for one in results.conditions)))
    return f"{results.names.task.label}, {groups} images"


def _setting(configuration: Mapping[str, Any]) -> str:
    """The size of the run, as far as its configuration has it."""
    names = {
        "preset": "preset",
        "epochs": "training epochs",
        "images": "images of each condition",
        "replicates": "replicates of single-network methods",
        "seed": "seed",
    }
    values = {label: configuration.get(name) for name, label in names.items()}
    return "; ".join(
        f"{label}: {value:,}" if isinstance(value, int) else f"{label}: {value}"
        for label, value in values.items()
        if value is not None
    )


def _code(text: str) -> Markup:
    """The text escaped, and what stands between backticks marked as code."""
    return Markup(re.sub("`+([^`]+)`+", r"<code>\1</code>", str(escape(text))))


def _number(value: float) -> str:
    """As JavaScript reads it, which has another word for infinity.

    >>> _number(0.25), _number(float("-inf"))
    ('0.25', '-Infinity')
    """
    return str(value).replace("inf", "Infinity")


def _static(name: str) -> str:
    return (Path(__file__).parent / "static" / name).read_text(encoding="utf-8")
