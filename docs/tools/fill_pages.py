"""The generated parts of README.md and docs: ``python docs/tools/fill_pages.py`` writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from benchmarks.io import UserError, path_of, read_run_json, write_whole
from benchmarks.nouns import Contestant, Names
from benchmarks.report.claims import article_answer
from benchmarks.report.results import Quantity, Results, read_if_there
from benchmarks.report.tables.declared import COST
from benchmarks.report.tables.front import front
from benchmarks.report.tables.pivot import table_of
from benchmarks.report.tables.table import markdown
from benchmarks.report.texts import listed
from benchmarks.schema import where
from benchmarks.tasks import TASKS
from benchmarks.tasks.tuned import TUNING_CSV
from benchmarks.tuning import KNOBS
from benchmarks.vocabulary import (
    FIGURES_FOLDER,
    LATENCY_CSV,
    SUMMARY_CSV,
    TABLES_FOLDER,
)
from methods.networks.recipes import ARTICLE

ROOT = Path(__file__).parents[2]

FIGURES: Mapping[str, tuple[str, str]] = {
    "quality": (
        "Quality against cost",
        "A point is a method; the line joins deep ensembles of more and more networks. An arrow "
        "says which end is better. Bold: in the best set of its budget.",
    ),
    "worth": ("Worth in networks", "The size of the deep ensemble that does as well."),
}
"""The figures that pages show, by name: title, and what a reader must know."""

GPU_RESULTS = Path("results/gpu")
"""Holds a folder for each card on which methods were timed, named after it."""

NO_GPU = "No GPU has been measured yet.\n"

WORTH = "worth_"
"""How the name of a measure begins where a number is the worth by it."""

_LINK = re.compile(r"(\]\()(?![a-z]+:|#)")
"""Where a relative link begins."""

_SECTION = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[\w-]+) from (?P<results>\S+) -->\n)"
    r"(?P<content>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)

_NUMBER = re.compile(
    r"(?<![\d,.-])(?P<number>\d+(\.\d+)?)(?P<mark><!--(?P<metric>\w+):(?P<condition>[\w-]+):"
    r"(?P<contestant>[\w-]+):(?P<results>[\w/-]+)-->)"
)

_MARK = re.compile(r"<!--(?! generated: | end )[^>]*-->")
"""Such marks, also those that are written wrongly."""


def filled(pages: Mapping[Path, str], root: Path) -> dict[Path, str]:
    """The texts with what stands between each pair of marks made from the results of a run.

    ``<!-- generated: NAME from FOLDER -->`` and ``<!-- end -->`` are the marks, NAME one of
    `SECTIONS`; the folder of the run (for ``front`` and ``commands`` of each run, separated by
    commas) and the pages' paths are relative to ``root``. A number in a sentence has a mark
    behind it: ``0.21<!--nll:clean:deep_ensemble-5:FOLDER-->``, to as many decimals; other
    budgets than a network's, or an ensemble's of such, are named, as ``softmax-1-budget-5``.
    ``worth_nll`` and alike are worth in networks by a measure.
    """
    run_in = cache(partial(_Run, root))
    return {page: _filled_page(page, text, run_in) for page, text in pages.items()}


def _filled_page(page: Path, text: str, run_in: Callable[[Path], _Run]) -> str:
    """A page, with links from its folder."""
    up = "../" * (len(page.parts) - 1)

    def made(match: re.Match[str]) -> str:
        if match["name"] not in SECTIONS:
            known = ", ".join(SECTIONS)
            raise UserError(f"{page}: nothing is called {match['name']!r}; expected one of {known}")
        section = SECTIONS[match["name"]](run_in(Path(match["results"])))
        return match["begin"] + _LINK.sub(rf"\1{up}", section) + match["end"]

    def number(match: re.Match[str]) -> str:
        run = run_in(Path(match["results"]))
        contestant = run.contestants.get(match["contestant"])
        metric = match["metric"].removeprefix(WORTH)
        look_up, column = (
            (run.results.row, "value")
            if metric == match["metric"]
            else (run.results.standing, "worth")
        )
        row = look_up(contestant, Quantity(match["condition"], metric)) if contestant else None
        value = pd.to_numeric(row[column], errors="coerce") if row else math.nan
        if not math.isfinite(value):
            raise UserError(f"{page}: there is no value for {match['mark']}")
        return f"{value:.{len(match['number'].partition('.')[2])}f}{match['mark']}"

    text = _NUMBER.sub(number, _SECTION.sub(made, text))
    marks = [match["mark"] for match in _NUMBER.finditer(text)]
    if unread := [mark for mark in _MARK.findall(text) if mark not in marks]:
        raise UserError(f"{page}: there is no number right before {unread[0]}")
    return text


@dataclass(frozen=True)
class _Run:
    """The results of a run.

    Attributes:
        root: the repository.
        folder: of the results, relative to it.
    """

    root: Path
    folder: Path

    @cached_property
    def results(self) -> Results:
        """What was measured."""
        return Results.load(self.root / self.folder)

    @cached_property
    def contestants(self) -> dict[str, Contestant]:
        """What is measured, by its key; of one member also by the method's name."""
        known = {
            self.results.names.key(contestant): contestant
            for contestant in self.results.contestants
        }
        return {v.method: v for key, v in known.items() if key == f"{v.method}-1"} | known

    def text_of(self, *parts: str) -> str:
        """What the report wrote into a file.

        Raises:
            UserError: there is none.
        """
        path = self.root.joinpath(self.folder, *parts)
        if not path.exists():
            raise UserError(f"there is no {path}; python run_all.py --only report writes it")
        return path.read_text(encoding="utf-8")


def _figure(name: str, run: _Run) -> str:
    """A figure; nothing where the run has none by the rule."""
    path = run.folder / FIGURES_FOLDER / f"{name}.png"
    if run.results.answer.empty or not (run.root / path).exists():
        return ""
    title, caption = FIGURES[name]
    words = f"{run.results.names.task.label}.", caption, f"Recipe: `{run.results.recipe}`."
    return f"![{title}]({path.as_posix()})\n*{' '.join(filter(None, words))}*\n"


def _front(runs: _Run) -> str:
    """The first table, of the runs whose folders are separated by commas; the article's beside."""
    every = [Results.load(runs.root / name) for name in runs.folder.as_posix().split(",")]
    of_article = [run for run in every if run.recipe == ARTICLE.name]
    others = [run for run in every if run not in of_article]
    table = front(others, of_article) if others else front(of_article)
    text = markdown(replace(table, caption="")) if table else ""
    # No heading is broken: the rows are low, and the first command stands on the first screen.
    return re.sub(r" (?=[↑↓])|(?<=Budget:) | (?=networks?\*\*)", "&nbsp;", text)


def _latency(run: _Run) -> str:
    """The latency on each GPU that has a folder."""
    names = Names.read(run.root / run.folder)
    cards = [
        latency[latency["device"].str.startswith("cuda:")]
        for folder in sorted((run.root / GPU_RESULTS).glob("*"))
        if not (latency := read_if_there(folder, LATENCY_CSV)).empty
    ]
    tables = (table_of(COST, Results(pd.DataFrame(), names, latency=card)) for card in cards)
    return "\n".join(map(markdown, filter(None, tables))) or NO_GPU


def _provenance(run: _Run) -> str:
    record = read_run_json(run.root / run.folder)
    environment = record["environment"]
    device = "no GPU" if environment["device"] == "cpu" else environment["device"]
    folder, missing = run.folder.as_posix(), run.results.left_out
    without = f" Not available: {listed(missing)}." if missing else ""
    options = {word for word in record["command"].split() if word.startswith("--")}
    further = " with options" if options - {"--preset", "--task"} else ""
    commit = record.get("commit")
    code = f"commit {commit[:8]}" if commit else f"version {record['version']}"
    return (
        f"Made by the preset `{record['configuration']['preset']}`{further} at {code} "
        f"({environment['processor']}, "
        f"{environment['cores']} cores, {device}).{without} "
        f"[Command, commit and versions]({folder}/run.json), "
        f"[tables]({folder}/{TABLES_FOLDER}), [figures]({folder}/{FIGURES_FOLDER}), "
        f"[headline numbers]({folder}/{path_of(run.root / run.folder, SUMMARY_CSV).name}).\n"
    )


def _commands(runs: _Run) -> str:
    """How each of several runs is made again."""
    lines = ["```"]
    for folder in runs.folder.as_posix().split(","):
        record, name = read_run_json(runs.root / folder), folder.removeprefix("results/")
        hours = sum(record["seconds"].values()) / 3600
        lines += [
            f"# {folder}: {hours:.1f} hours on {record['environment']['cores']} cores",
            f"{record['command']} --out results/mine/{name}",
        ]
    return "\n".join([*lines, "```", ""])


def _tuning(run: _Run) -> str:
    """What is chosen of each setting and task, and how far trials are apart."""
    trials = pd.read_csv(run.root / run.folder / TUNING_CSV)
    tasks = [task for task in TASKS if task in set(trials["task"])]
    headings = "".join(f" {TASKS[task].label} | best, median, worst |" for task in tasks)
    lines = [f"| name |{headings}", "|---" * (1 + 2 * len(tasks)) + "|"]
    for name in KNOBS:
        cells = [f"`{name}`"]
        for task in tasks:
            rows = where(trials, task=task, name=name)
            chosen = rows.loc[rows["chosen"], "setting"].str.replace("_", " ")
            nll = rows["nll"].fillna(math.inf)
            numbers = (f"{x:.4f}" for x in (nll.min(), nll.median(), nll.max()))
            told = ", ".join(numbers).replace("inf", "—") if len(rows) else ""
            cells += [next(iter(chosen), "not yet tuned"), told]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


SECTIONS: dict[str, Callable[[_Run], str]] = {
    "front": _front,
    **{name: partial(_figure, name) for name in FIGURES},
    "article": lambda run: f"{article_answer(run.results.claims or {})}\n",
    "latency": _latency,
    "provenance": _provenance,
    "commands": _commands,
    "tuning": _tuning,
}
"""What can be made from a run, or the trials in a folder, by the names in the marks."""


def read_pages(root: Path) -> dict[Path, str]:
    """README.md and the pages of docs, by their paths relative to the repository."""
    paths = (root / "README.md", *sorted((root / "docs").glob("*.md")))
    return {path.relative_to(root): path.read_text(encoding="utf-8") for path in paths}


def main(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where a page differs.")
    ] = False,
) -> None:
    """Write the generated parts of README.md and docs from the results that their marks name."""
    pages = read_pages(ROOT)
    try:
        wanted = filled(pages, ROOT)
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    differing = [page for page, text in pages.items() if wanted[page] != text]
    if check and differing:
        names = ", ".join(page.as_posix() for page in differing)
        typer.echo(f"{names} differs; run python docs/tools/fill_pages.py", err=True)
        raise typer.Exit(1)
    for page in differing:
        write_whole(ROOT / page, wanted[page])


if __name__ == "__main__":
    typer.run(main)
