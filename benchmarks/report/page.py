"""The page of a run, `index.html`: its figures, tables and answer in one file, without a server."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup, escape
from PIL import Image

from benchmarks.io import read_run_json, write_whole
from benchmarks.nouns import METHOD_COLUMNS, Contestant, Names, Printed
from benchmarks.report.answer import answer
from benchmarks.report.claims import claims_shown
from benchmarks.report.editorial import VERDICTS
from benchmarks.report.figures.files import FigureFiles
from benchmarks.report.results import Results, ShownPixels
from benchmarks.report.tables.declared import tables_by_name
from benchmarks.report.tables.front import contestants
from benchmarks.report.tables.table import AGAINST_ONE, MARKS, Table
from benchmarks.report.texts import left_out_remark, listed, preview, templates
from benchmarks.vocabulary import ILL_DEFINED, INDEX_HTML, LAB_HTML, TABLES_FOLDER

IN_VIEW = 2
"""Figures of a section that are in view; a click opens the others."""

OF_A_CONDITION = 2
"""Images that are shown of each condition."""

WIDTHS = {"min": 1.6, "max": 1.9}
"""Pixels a point of a figure: its letters can be read, and a phone scrolls a wide one."""

DOWNLOADS = {
    "summary.csv": "means over replicates, with intervals",
    "measurements.csv": "every number of every replicate",
    "answer.csv": "by the five measures: the best, better than one network, worth in networks",
    "latency.csv": "latency and cost of each method and score",
    "training.csv": "training log of each network",
    "nouns.json": "the fields of methods, conditions, metrics and so on",
    "claims.json": "the article's claims and their verdicts",
    "claims.csv": "the numbers that they are judged by",
    "epistemic.csv": "what follows from the experiments on data size, label noise and people",
    "experiments.csv": "their numbers, of every replicate",
    "claims.md": "claims, verdicts and numbers as text",
    "images.npz": "the images shown",
    "run.json": "configuration, command, versions, fingerprints, wall time",
    "tables/": "each table as Markdown and CSV",
    "figures/": "each figure as PNG and SVG, and its numbers as CSV",
    "influences/": "how each image moves the five measures: what the answer follows from",
    "curves/": "further data of the figures",
    "claims/": "data of the claims' figures",
}
"""The files and folders of a run, and what is in them. Only latencies differ from run to run."""


SETTINGS = {
    "preset": "preset",
    "recipe": "recipe",
    "budgets": "training budgets",
    "epochs": "training epochs",
    "images": "images of each condition",
    "replicates": "replicates of single-network methods",
    "seed": "seed",
}
"""What the head of the page tells of the configuration, and what it calls that."""

ELSEWHERE = ("front", "leaderboard", "worth", "epistemic", "claims", "published")
"""Tables of the answer and of the claims, and those that are in view."""

LONG = ("main", "calibration", "sets", "uncertainty", "abstaining", "detection", "scores")
"""Tables of all contestants under many conditions."""

MOST_CONTESTANTS = 12
"""How many contestants those tables have on the page; of more, those of the first table."""


class Section(NamedTuple):
    """A section of the page: the figures that name its anchor as theirs, and tables by name."""

    anchor: str
    title: str
    tables: tuple[str, ...] = ()


def write_page(
    results: Results, tables: Sequence[Table], figures: Sequence[FigureFiles], folder: Path
) -> None:
    """Write the page of the run whose files are in the folder; the same files give the same bytes.

    Args:
        tables: all of the run; those that no section names stand with all methods. Long ones have
            few contestants on the page.
        figures: which are all on the page.
    """
    configuration = read_run_json(folder).get("configuration", {})
    names, by_name = results.names, {table.name: table for table in tables} | _shortened(results)
    groups = listed(list(dict.fromkeys(condition.group for condition in results.conditions)))
    static = Path(__file__).parent / "static"
    environment = templates(html=True)
    environment.filters |= {"code": _code, "drawing": drawing}
    environment.globals |= {
        "ILL_DEFINED": ILL_DEFINED,
        "VERDICTS": VERDICTS,
        "IN_VIEW": IN_VIEW,
        "MARKS": MARKS,
        "AGAINST_ONE": AGAINST_ONE,
    }
    html = environment.get_template("page.html.j2").render(
        names=names,
        about=f"{names.task.label}, {groups} images",
        setting=_setting(configuration),
        left_out=left_out_remark(results.left_out),
        preview=preview(configuration),
        recipe=names.recipe,
        lab=LAB_HTML if (folder / LAB_HTML).exists() else "",
        answer=answer(results),
        compared=bool(names.recipe) or len(results.compared) > 1,
        tables=by_name,
        figures=figures,
        sections=_sections(results, by_name),
        claims=claims_shown(results),
        images=shown_images(results),
        metrics=[(names.printed(metric.name), metric) for metric in names.metrics],
        scores=[(Printed(score.label, score.unit), score) for score in names.scores],
        methods=[names.method(contestant.method) for contestant in results.largest],
        conditions=results.conditions,
        facts=facts(folder),
        downloads={name: what for name, what in DOWNLOADS.items() if (folder / name).exists()},
        style=(static / "page.css").read_text(encoding="utf-8"),
        script=(static / "page.js").read_text(encoding="utf-8"),
    )
    write_whole(folder / INDEX_HTML, html)


def _shortened(results: Results) -> dict[str, Table]:
    """The long tables by name, with the contestants of the first one; none where they are few."""
    if len(results.compared) <= MOST_CONTESTANTS:
        return {}
    chosen = [each.unscored for each in contestants([results], MOST_CONTESTANTS)]
    few = results.with_methods(list(map(results.names.key, chosen)))
    made = {name: make() for name, make in tables_by_name(few).items() if name in LONG}
    return {
        name: replace(table, remarks=(f"All methods: {TABLES_FOLDER}/{name}.csv.", *table.remarks))
        for name, table in made.items()
        if table
    }


def _sections(results: Results, tables: Collection[str]) -> list[Section]:
    """The sections between the answer and the claims; others' predictions have no cost."""
    shifts = (
        Section(f"group-{name}", f"{name.capitalize()} images") for name in results.severities
    )
    experiments = not results.curve("epistemic").empty
    sections = [
        *([Section("epistemic", "Is it epistemic?")] if experiments else []),
        Section("calibration", "Calibration", ("calibration", "sets")),
        *shifts,
        Section("detection", "Detection", ("detection", "uncertainty")),
        Section("selective", "Selective prediction", ("abstaining", "scores")),
        *([Section("cost", "Cost", ("cost",))] if results.names.recipe else []),
    ]
    placed = {*ELSEWHERE, *chain.from_iterable(section.tables for section in sections)}
    rest = tuple(name for name in tables if name not in placed)
    return [Section("ranking", "All methods", rest), *sections]


def drawing(figure: FigureFiles) -> Markup:
    """A figure as an element of the page, as wide as its letters need and no wider."""
    (width,) = re.findall(r'^<svg[^>]* width="([\d.]+)pt"', figure.svg)
    sizes = (f"{what}-width: {times * float(width):.0f}px" for what, times in WIDTHS.items())
    return Markup(figure.svg.replace(' style="', f' style="{"; ".join(sizes)}; ', 1))


def _setting(configuration: Mapping[str, Any]) -> str:
    """The size of the run, as far as its configuration has it.

    >>> _setting({"preset": "quick", "budgets": [1.0, 5.0], "epochs": None, "images": 2500})
    'preset: quick; training budgets: 1 and 5; images of each condition: 2,500'
    """

    def written(value: object) -> str:
        if isinstance(value, list):
            return " and ".join(map(written, value))
        return f"{value:,.10g}" if isinstance(value, (int, float)) else str(value)

    values = {label: configuration.get(name) for name, label in SETTINGS.items()}
    known = (f"{label}: {written(v)}" for label, v in values.items() if v is not None)
    return "; ".join(known)


def _code(text: str) -> Markup:
    """The text escaped, and what stands between backticks marked as code."""
    return Markup(re.sub("`+([^`]+)`+", r"<code>\1</code>", str(escape(text))))


def facts(folder: Path) -> dict[str, str]:
    """How the numbers were made, by heading, as far as the run's record says.

    Without the wall time: it changes when a run is resumed, and the page should not.
    """
    record = read_run_json(folder)
    environment = record.get("environment", {})
    machine = [environment.get("processor"), environment.get("system")]
    if environment.get("cores"):
        machine.append(f"{environment['cores']} cores")
    libraries = environment.get("libraries", {}).items()
    texts = {
        "Command": record.get("command"),
        "Commit": record.get("commit"),
        "Version": record.get("version") and f"uncertainty-bench {record['version']}",
        "Machine": ", ".join(str(part) for part in machine if part),
        "Mixed machines": _mixture(record.get("machines", {})),
        "Device": environment.get("device"),
        "Engine": environment.get("engine"),
        "Python": environment.get("python"),
        "Libraries": ", ".join(f"{name} {version}" for name, version in libraries),
    }
    return {heading: str(text) for heading, text in texts.items() if text}


def _mixture(machines: Mapping[str, Sequence[str]]) -> str:
    """What computed the networks and the predictions, where these are several machines."""
    if len({machine for computed in machines.values() for machine in computed}) < 2:
        return ""
    by = "; ".join(f"{what} by {' / '.join(names)}" for what, names in machines.items() if names)
    return f"{by}. Numbers may differ in their last digits from those of one machine"


class ImageVotes(NamedTuple):
    """The votes of a method on an image.

    Attributes:
        predicted: the name of the class with the highest mean probability.
        is_right: whether that is the label; ``None`` without one.
        shares: by name of a class, in percent, the most first.
    """

    method: str
    predicted: str
    is_right: bool | None
    shares: dict[str, float]


class ShownImage(NamedTuple):
    """An image with the votes of the methods of the first table.

    Attributes:
        label: the name of its class; empty where it has none.
        number: of the image in its data set.
        picture: a PNG as an address (RFC 2397); empty where the run has no pixels of it.
        coloured: whether it is shown as it is; grey images are dark on light, as in figures.
        votes: by the names of methods.
        apart: the methods that predict another class than most do.
    """

    condition: str
    label: str
    number: int
    picture: str
    coloured: bool
    votes: tuple[ImageVotes, ...]
    apart: tuple[str, ...]


def shown_images(results: Results) -> list[ShownImage]:
    """The first images of each condition in ``image_votes.csv``."""
    rows = results.curve("image_votes").sort_values("rank", kind="stable")
    first = rows.drop_duplicates("rank").groupby("condition")["rank"].head(OF_A_CONDITION)
    chosen = rows[rows["rank"].isin(first)]
    return [_shown_image(results, own) for _, own in chosen.groupby("rank")]


def _shown_image(results: Results, rows: pd.DataFrame) -> ShownImage:
    """An image, from its rows: one a contestant and class."""
    names, first = results.names, rows.iloc[0]
    ordered = rows.sort_values(["vote_share", "mean_probability"], ascending=False, kind="stable")
    groups: Any = ordered.groupby([*METHOD_COLUMNS])
    by_contestant = {Contestant(*key): own for key, own in groups}
    named = {choice.method for choice in contestants([results])}
    votes = tuple(
        _image_votes(names, contestant, by_contestant[contestant])
        for contestant in sorted(results.usual(sorted(by_contestant)), key=names.rank)
        if contestant.method in named
    )
    ((common, _),) = Counter(vote.predicted for vote in votes).most_common(1)
    pixels = results.images.get((first["condition"], int(first["index"])))
    return ShownImage(
        condition=results.label_of(first["condition"]),
        label="" if pd.isna(first["label"]) else names.class_name(int(first["label"])),
        number=int(first["number"]),
        picture="" if pixels is None else _picture(pixels),
        coloured=pixels is not None and pixels.ndim > 2,
        votes=votes,
        apart=tuple(vote.method for vote in votes if vote.predicted != common),
    )


def _image_votes(names: Names, contestant: Contestant, rows: pd.DataFrame) -> ImageVotes:
    """The votes of a contestant, from its rows: one a class."""
    best = rows.iloc[int(rows["mean_probability"].argmax())]
    voted = rows[rows["vote_share"] > 0]
    return ImageVotes(
        method=names.method(contestant.method).label,
        predicted=names.class_name(int(best["class"])),
        is_right=None if pd.isna(best["label"]) else bool(best["class"] == best["label"]),
        shares={
            names.class_name(int(row["class"])): round(100 * float(row["vote_share"]), 1)
            for row in voted.to_dict("records")
        },
    )


def _picture(pixels: ShownPixels) -> str:
    with BytesIO() as file:
        Image.fromarray(pixels).save(file, format="png", optimize=True)
        return f"data:image/png;base64,{b64encode(file.getvalue()).decode('ascii')}"
