"""All sections, each a small reader and a small template, written into one file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from benchmarks.files import read_run_json, written_whole
from benchmarks.nouns import Variant
from benchmarks.report.answer.answer import answer
from benchmarks.report.answer.findings import title
from benchmarks.report.answer.kinds import kinds_table
from benchmarks.report.answer.table import decision_table
from benchmarks.report.editorial import CALIBRATION_TITLE, DETECTION, PREVIEW, SHIFT_TITLE
from benchmarks.report.figures import set_coverage
from benchmarks.report.figures.drawing import in_print
from benchmarks.report.figures.severity import scale_of
from benchmarks.report.numbers.abstaining import errors
from benchmarks.report.numbers.abstaining import finding as abstaining_finding
from benchmarks.report.numbers.cost import front_finding, points
from benchmarks.report.page.charts import Charts
from benchmarks.report.page.claims import claims, published
from benchmarks.report.page.explorer import explorer
from benchmarks.report.page.parts import Parts
from benchmarks.report.page.ranking import WORTH_BY, leaderboard, ranking
from benchmarks.report.page.svg import Samples
from benchmarks.report.provenance import provenance
from benchmarks.report.read.across import summary_beside
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.style import Look, css_color, look_in, looks
from benchmarks.report.tables.abstaining import abstaining_table
from benchmarks.report.tables.remarks import left_out_remark, training_images_remark
from benchmarks.report.tables.table import one_line
from benchmarks.report.texts import listed
from benchmarks.vocabulary import (
    ACROSS_FOLDER,
    ACROSS_MD,
    CLEAN,
    ILL_DEFINED,
    INDEX_HTML,
    LAB_HTML,
)

REPLICATES = (
    "Thin lines are the replicates of a method (other networks, or other masks), and the thick "
    "line is their mean; of a single replicate the band is its 95 % interval."
)

REPOSITORY = Path(__file__).parents[3]


def write_page(results: Results, folder: Path) -> None:
    """Write the page of the run whose files are in the folder; the same files give the same bytes.

    ``results`` are those of all recipes. Only within the repository there are links to its code.
    """
    with in_print():
        html = _rendered(results, folder)
    with written_whole(folder / INDEX_HTML) as temporary:
        temporary.write_text(html, encoding="utf-8")


def _rendered(results: Results, folder: Path) -> str:
    environment, parts = _environment(), Parts()
    recipes = [_of_recipe(results.of_recipe(name), name) for name in results.recipes]
    samples = Samples(look for recipe in recipes for look in recipe["looks"].values())
    environment.globals |= {"sample": samples}
    drawn: Any = environment.get_template("charts.html.j2").module
    for recipe in recipes:
        for section, charts in recipe["charts"].items():
            html = drawn.charts(recipe["looks"], charts) if charts else Markup()
            if charts and recipe is not recipes[0]:
                html = parts.place_of(f"{section}-{recipe['name']}", html)
            recipe["charts"][section] = html
    content = _content(results, folder) | {
        "recipes": recipes,
        "samples": samples.defined,
        "claims": claims(results, folder, parts),
    }
    return environment.get_template("page.html.j2").render(content, packed=parts.packed)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("benchmarks.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    environment.filters |= {"code": _code, "number": _number, "one_line": one_line}
    environment.globals |= {"ILL_DEFINED": ILL_DEFINED, "css_color": css_color, "look_in": look_in}
    return environment


def _content(results: Results, folder: Path) -> dict[str, Any]:
    configuration = read_run_json(folder).get("configuration", {})
    names = results.names
    images = explorer(results, looks(names, results.largest))
    groups = {group: f"{group.capitalize()} images" for group in results.severities}
    trained = [one for one in names.recipes if one.name in results.recipes]
    ranked = ranking(results)
    return {
        "ranking": ranked,
        "ranking_looks": looks(names, results.largest),
        "worth_by": f"{names.printed(WORTH_BY.metric).name} on clean images",
        "published": published(folder, names),
        "networks": {one.name: one.network for one in trained},
        "groups": groups,
        "group_links": [(f"group-{group}", title) for group, title in groups.items()],
        "about": _about(results),
        "lab": LAB_HTML if (folder / LAB_HTML).exists() else "",
        "across": summary_beside(folder),
        "across_md": f"../{ACROSS_FOLDER}/{ACROSS_MD}",
        "answer": answer(results),
        "compared": [*dict.fromkeys(names.method(row.variant.method).label for row in ranked.rows)],
        "decision": decision_table(results),
        "kinds": kinds_table(results),
        "explorer": images,
        "explorer_data": images and {name: images[name] for name in images if name != "sheet"},
        "metrics": [(names.printed(metric.name), metric) for metric in names.metrics],
        "scores": [(names.printed_score(score.name), score) for score in names.scores],
        "methods": [names.method(v.method) for v in results.largest],
        "conditions": results.conditions,
        "set_levels": [f"{100 * level:g}" for level in _set_levels(results)],
        "trained": trained,
        "names": names,
        "repository": _path_to_repository(folder.resolve()),
        "provenance": provenance(folder),
        "setting": _setting(configuration),
        "replicates": REPLICATES,
        "left_out": left_out_remark(results.left_out),
        "trained_on": training_images_remark(names.training_images(results.recipes)),
        "quick": configuration.get("preset") == PREVIEW,
        "style": _static("page.css"),
        "scripts": [_static("page.js"), _static("explorer.js")],
    }


def _of_recipe(results: Results, recipe: str) -> dict[str, Any]:
    look: Mapping[Variant, Look] = looks(results.names, results.largest)
    sizes = points(results)
    return {
        "findings": _findings(results),
        "name": recipe,
        "looks": look,
        "leaderboard": leaderboard(results, recipe),
        "charts": Charts(results, recipe, look, sizes).of_sections(),
        "reasons": {group: scale_of(results, group).reason for group in results.severities},
        "score": results.primary_score_label(results.largest),
        "sets": set_coverage.finding(results, set_coverage.coverages(results)),
        "abstaining": abstaining_table(results, recipe),
        "cost": _cost(results, sizes),
    }


def _cost(results: Results, sizes: pd.DataFrame) -> dict[str, str] | None:
    """What is said of the latency of single images; ``None`` where nothing was timed."""
    if sizes.empty:
        return None
    rows = sizes[sizes["batch_size"] == sizes["batch_size"].min()]
    setup = rows.iloc[0]
    return {
        "finding": front_finding(rows, results.names),
        "machine": f"{setup['device_name']}, engine {setup['engine']}, "
        f"threads {setup['threads']:g}",
    }


def _findings(results: Results) -> dict[str, str]:
    """The titles of sections, by section."""
    quantities = {"calibration": Quantity(CLEAN, CALIBRATION_TITLE)}
    for mean in results.group_means:
        quantities[results.names.condition(mean).group] = Quantity(mean, SHIFT_TITLE)
    for condition in results.ood[:1]:
        quantities["detection"] = Quantity(condition, DETECTION)
    found = {section: title(results, quantity) for section, quantity in quantities.items()}
    numbers = errors(results)
    if numbers["abstained"].nunique() > 1:
        found["selective"] = abstaining_finding(results, numbers)
    return found


def _about(results: Results) -> str:
    """On which images."""
    groups = listed(list(dict.fromkeys(one.group for one in results.conditions)))
    return f"{groups} images of the task {results.names.task.label}"


def _set_levels(results: Results) -> list[float]:
    """The coverages that prediction sets are to have."""
    return list(dict.fromkeys(one.level for one in results.names.metrics if one.level))


def _path_to_repository(folder: Path) -> str:
    """From the folder, if that lies within the repository; else empty."""
    return os.path.relpath(REPOSITORY, folder) if folder.is_relative_to(REPOSITORY) else ""


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
