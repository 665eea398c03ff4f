"""The generated parts of README.md and docs: ``python -m benchmarks.report.readme`` writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.errors import UserError
from benchmarks.files import written_whole
from benchmarks.process.ending import run_command
from benchmarks.report.answer.table import decision_table
from benchmarks.report.answer.verdict import verdict
from benchmarks.report.claims_page import by_weight
from benchmarks.report.names import Names
from benchmarks.report.read.files import read_claims, read_latency
from benchmarks.report.results import Results
from benchmarks.report.tables.latency import latency_table
from benchmarks.report.tables.text.formats import markdown
from benchmarks.report.texts import article_answer
from benchmarks.stored.listing import read_run_json
from benchmarks.vocabulary import (
    CLAIMS_MD,
    FIGURES_FOLDER,
    TABLES_FOLDER,
)

ROOT = Path(__file__).parents[2]
RESULTS = Path("results/reference")
"""Relative to the repository, as the README's links are."""

GPU_RESULTS = Path("results/gpu")
"""Holds a folder for each card on which methods were timed, named after it."""

NO_GPU = (
    "No GPU has been measured yet. On a machine with one, run `python -m benchmarks.gpu_check`: "
    "see [docs/gpu.md](docs/gpu.md).\n"
)

SHOWN = {
    "worth": "How many networks each method is worth, by each measure.",
    "rotated": "Measures against the angle of rotation.",
}
"""Of these figures the first that there is, and what it shows."""

_LINK = re.compile(r"(\]\()(?![a-z]+:|#)")
"""Where a relative link begins."""

_SECTION = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[\w-]+) -->\n)(?P<content>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)


def filled(pages: Mapping[Path, str], results: Path, root: Path) -> dict[Path, str]:
    """The texts with what stands between each pair of marks made from a run's results.

    ``<!-- generated: NAME -->`` and ``<!-- end -->`` are the marks, NAME one of ``verdict``,
    ``decision``, ``figure``, ``article``, ``claims``, ``latency`` and ``provenance``; ``results``
    and the pages' paths are relative to ``root``.
    """
    sections = _sections(root, results)
    return {page: _filled_page(page, text, sections) for page, text in pages.items()}


def _filled_page(page: Path, text: str, sections: Mapping[str, str]) -> str:
    """A page, with links from its folder."""
    up = "../" * (len(page.parts) - 1)

    def made(match: re.Match[str]) -> str:
        content = _LINK.sub(rf"\1{up}", sections[match["name"]])
        return f"{match['begin']}{content}{match['end']}"

    return _SECTION.sub(made, text)


def _sections(root: Path, results: Path) -> dict[str, str]:
    loaded = Results.load(root / results)
    recipe = loaded.recipes[0]
    record = read_run_json(root / results)
    claims = read_claims(root / results)
    return {
        "article": f"{article_answer(claims)}\n",
        "claims": _claims(claims, results),
        "verdict": f"{verdict(loaded)}\n",
        "decision": markdown(decision_table(loaded)),
        "figure": _figure(root, results, recipe),
        "latency": _latency(root, results, loaded.names),
        "provenance": _provenance(record, results),
    }


def _figure(root: Path, results: Path, recipe: str) -> str:
    for name, caption in SHOWN.items():
        path = results / FIGURES_FOLDER / f"{name}-{recipe}.png"
        if (root / path).exists():
            return f"![{caption}]({path.as_posix()})\n*{caption}*\n"
    return ""


def _claims(claims: Mapping[str, Any], results: Path) -> str:
    """By weight, each statement with its verdict, and a link to what that rests on."""
    page = (results / CLAIMS_MD).as_posix()
    lines = ["| statement | verdict |", "|---|---|"]
    for heading, some in by_weight(claims.get("claims", [])).items():
        lines.append(f"| **{heading}** | |")
        lines += [
            f"| [{one['statement']}]({page}#{one['id']}) | {one['verdict']} |" for one in some
        ]
    return "\n".join([*lines, ""])


def _latency(root: Path, results: Path, names: Names) -> str:
    """The latency on the CPU beside the results, and on each GPU that has a folder."""
    here = read_latency(root / results)
    tables = [] if here.empty else [latency_table(here[here["device_name"] != ""], names)]
    cards = [
        latency[latency["device"].str.startswith("cuda:")]
        for folder in sorted((root / GPU_RESULTS).glob("*"))
        if not (latency := read_latency(folder)).empty
    ]
    tables += [latency_table(card, names) for card in cards if not card.empty]
    missing = [] if any(not card.empty for card in cards) else [NO_GPU]
    return "\n".join([*map(markdown, tables), *missing])


def _provenance(record: Mapping[str, Any], results: Path) -> str:
    environment = record["environment"]
    libraries = environment["libraries"]
    device = "no GPU" if environment["device"] == "cpu" else environment["device"]
    folder = results.as_posix()
    return (
        f"Made by `{record['command']}` with uncertainty-bench {record['version']}, Python "
        f"{environment['python']}, torch {libraries['torch']} on {environment['system']} "
        f"({environment['processor']}, {environment['cores']} cores, {device}). "
        f"All results: [tables]({folder}/{TABLES_FOLDER}), [figures]({folder}/{FIGURES_FOLDER}), "
        f"[every number]({folder}/summary.csv), [record of the run]({folder}/run.json).\n"
    )


def read_pages(root: Path) -> dict[Path, str]:
    """README.md and the pages of docs, by their paths relative to the repository."""
    paths = (root / "README.md", *sorted((root / "docs").glob("*.md")))
    return {path.relative_to(root): path.read_text(encoding="utf-8") for path in paths}


def main(
    results: Annotated[
        Path, typer.Argument(help="The folder of a run, inside the repository.")
    ] = ROOT / RESULTS,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where a page differs.")
    ] = False,
) -> None:
    """Write the generated parts of README.md and docs from the results of a run."""
    pages = read_pages(ROOT)
    try:
        if not results.resolve().is_relative_to(ROOT):
            raise UserError(f"{results} is not inside {ROOT}, so README.md cannot link to it")
        wanted = filled(pages, results.resolve().relative_to(ROOT), ROOT)
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    differing = [page for page, text in pages.items() if wanted[page] != text]
    if check and differing:
        names = ", ".join(page.as_posix() for page in differing)
        typer.echo(f"{names} differs; run python -m benchmarks.report.readme", err=True)
        raise typer.Exit(1)
    for page in differing:
        with written_whole(ROOT / page) as temporary:
            temporary.write_text(wanted[page], encoding="utf-8")


def command_line() -> int:
    """Run the command line and return its exit status."""
    typer.run(main)
    return 0


if __name__ == "__main__":
    run_command("benchmarks.report.readme")
