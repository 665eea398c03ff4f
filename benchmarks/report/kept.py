"""What of a run stays in the repository: ``python -m benchmarks.report.kept RUN OUT`` copies it.

A run writes hundreds of files and up to a hundred megabytes. The repository keeps what people read
and what README and docs are made from; the command in ``run.json`` makes the rest again.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.errors import UserError
from benchmarks.files import content_of, path_of
from benchmarks.nouns import Names
from benchmarks.report.editorial import KEPT_FIGURES, KEPT_METRICS
from benchmarks.report.published import PUBLISHED
from benchmarks.report.results import Results
from benchmarks.vocabulary import (
    ANSWER_JSON,
    CLAIMS_CSV,
    CLAIMS_JSON,
    CLAIMS_MD,
    FIGURES_FOLDER,
    INDEX_HTML,
    LAB_HTML,
    LATENCY_CSV,
    NOUNS_JSON,
    PUBLISHED_JSON,
    PUBLISHED_MD,
    RUN_JSON,
    SUMMARY_CSV,
    TABLES_FOLDER,
    TRAINING_CSV,
    WORTH_CSV,
)

COPIED = (
    *(ANSWER_JSON, CLAIMS_JSON, CLAIMS_MD, PUBLISHED_JSON, PUBLISHED_MD, LAB_HTML),
    *(LATENCY_CSV, RUN_JSON, NOUNS_JSON),
    *(
        f"{TABLES_FOLDER}/{name}.{suffix}"
        for name in ("decision", "kinds")
        for suffix in ("csv", "md")
    ),
)
"""The files that are kept as they are."""

ZIPPED = (WORTH_CSV, TRAINING_CSV, CLAIMS_CSV)
"""The tables that are kept whole, gzipped."""

MOST_FIGURES = 8
"""Of `KEPT_FIGURES` the first that the run has of its main recipe, as PNG."""

_LINK = re.compile(r'<a href="(?P<to>[^"]+)">(?P<words>[^<]*)</a>')
_LINE = re.compile(r"(?P<open><(?P<tag>p|li)\b[^>]*>)(?P<content>[^\n]*)</(?P=tag)>\n")
_MARKDOWN_LINK = re.compile(r"\[(?P<words>[^]]*)\]\((?P<to>[^)]+)\)")

REST = "<li>The other files are not in the repository: the command above writes them.</li>\n"


def keep(run: Path, out: Path) -> None:
    """Copy what is kept of the run in a folder to another one.

    Raises:
        UserError: the run has no page yet, or the two folders are one.
    """
    if run.resolve() == out.resolve():
        raise UserError(f"{out} is the folder of the run itself; name another one")
    if not (run / INDEX_HTML).exists():
        raise UserError(f"there is no page in {run} yet; run the stage report first")
    results = Results.load(run)
    for folder in (FIGURES_FOLDER, TABLES_FOLDER):  # of an earlier run
        shutil.rmtree(out / folder, ignore_errors=True)
    for name in (*COPIED, *_figures(results, run)):
        if (run / name).exists():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(run / name, out / name)
    for name in ZIPPED:
        if path_of(run, name).exists():
            _write_zipped(content_of(path_of(run, name)), out / f"{name}.gz")
    summary = content_of(path_of(run, SUMMARY_CSV)).decode()
    _write_zipped(_headline(summary, results.names).encode(), out / f"{SUMMARY_CSV}.gz")
    page = (run / INDEX_HTML).read_text(encoding="utf-8")
    (out / INDEX_HTML).write_text(_page(page, run, out), encoding="utf-8")
    for path in out.glob("*.md"):
        path.write_text(_markdown(path.read_text(encoding="utf-8"), out), encoding="utf-8")


def _figures(results: Results, run: Path) -> Sequence[str]:
    """The paths of the figures that are kept; of those of claims the recipe of the verdicts."""
    main = results.recipes[0]
    of_claims = results.claims["setting"]["recipe"] if results.claims else main
    names = (f"{name}-{of_claims if name.startswith('claims-') else main}" for name in KEPT_FIGURES)
    paths = [f"{FIGURES_FOLDER}/{name}.png" for name in names]
    return [path for path in paths if (run / path).exists()][:MOST_FIGURES]


def _headline(summary: str, names: Names) -> str:
    """The rows of a summary that are kept, as they are."""
    rows = csv.DictReader(io.StringIO(summary))
    primary = {one.name: one.primary_score for one in names.methods}
    of_papers = {(one.metric, one.score) for one in PUBLISHED}
    written = io.StringIO()
    writer = csv.DictWriter(written, rows.fieldnames or (), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        metric, score = row["metric"], row["score"]
        by_its_score = score in ("", primary[row["method"]]) or (metric, score) in of_papers
        if metric in KEPT_METRICS and by_its_score:
            writer.writerow(row)
    return written.getvalue()


def _write_zipped(content: bytes, path: Path) -> None:
    """The same content gives the same file."""
    path.write_bytes(gzip.compress(content, mtime=0))


def _page(html: str, run: Path, out: Path) -> str:
    """The page of a run for another folder, without links to files that are not there.

    A line whose links are not all alive keeps only those that are: it is dropped without any.
    """
    html = re.sub(r'(?<=href=")\.\./[^"]*', lambda link: _moved(link[0], run, out), html)
    html = _LINE.sub(lambda line: _living(line, out), html)
    html = _without_dead(_LINK, html, out)
    count = len(list((out / FIGURES_FOLDER).glob("*.png")))
    html = re.sub(r"(?<=<summary>More: )all \d+ figures", f"{count} figures", html)
    return html.replace('<ul class="downloads">\n', f'<ul class="downloads">\n{REST}')


def _moved(link: str, run: Path, out: Path) -> str:
    """A link out of the run's folder, from another folder, where it would lead elsewhere."""
    if (out / link.partition("#")[0]).exists():
        return link
    return Path(os.path.relpath(run.resolve() / link, out.resolve())).as_posix()


def _living(line: re.Match[str], out: Path) -> str:
    links = list(_LINK.finditer(line["content"]))
    if not any(_is_dead(link["to"], out) for link in links):
        return line[0]
    if line["tag"] == "li":
        to = links[0]["to"]
        return line[0].replace(to, f"{to}.gz") if (out / f"{to}.gz").exists() else ""
    living = [link[0] for link in links if not _is_dead(link["to"], out)]
    before = line["content"][: links[0].start()]
    return f"{line['open']}{before}{', '.join(living)}</p>\n" if living else ""


def _without_dead(links: re.Pattern[str], text: str, out: Path) -> str:
    """A text in which links to files that are not there are text."""
    return links.sub(lambda link: link["words"] if _is_dead(link["to"], out) else link[0], text)


def _is_dead(link: str, out: Path) -> bool:
    """Whether a link is to a file that is not there, or to a folder, which is not kept whole."""
    is_file = not link.startswith(("#", "data:", "http"))
    return is_file and not (out / link.partition("#")[0]).is_file()


def _markdown(text: str, out: Path) -> str:
    """A text with links to files that are there alone; figures are named only with a link."""
    lines = text.splitlines(keepends=True)
    return "".join(_living_line(line, out) for line in lines)


def _living_line(line: str, out: Path) -> str:
    links = list(_MARKDOWN_LINK.finditer(line))
    if not line.startswith("Figures: "):
        return _without_dead(_MARKDOWN_LINK, line, out)
    living = [link[0] for link in links if not _is_dead(link["to"], out)]
    return f"Figures: {', '.join(living)}.\n" if living else ""


def main(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    out: Annotated[Path, typer.Argument(help="Where what is kept goes: a folder in results/.")],
) -> None:
    """Copy what the repository keeps of a run."""
    try:
        keep(run, out)
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(main)
