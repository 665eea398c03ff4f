"""What of a run stays in the repository: ``python -m benchmarks.report.kept RUN OUT`` copies it.

A run writes hundreds of files and up to a hundred megabytes. The repository keeps what people read
and what README and docs are made from; the command in ``run.json`` makes the rest again.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.io import UserError, content_of, path_of
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
    *(INDEX_HTML, ANSWER_JSON, CLAIMS_JSON, CLAIMS_MD, PUBLISHED_JSON, PUBLISHED_MD, LAB_HTML),
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

_FILE = re.compile(r'<(li|span) class="file"><a href="(?P<to>[^"#]+)">.*?</\1>')
_LINK = re.compile(r"\[(?P<words>[^]]*)\]\((?P<to>[^)#]+)[^)]*\)")


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
    contents = {n: content_of(path_of(run, n)) for n in ZIPPED if path_of(run, n).exists()}
    contents[SUMMARY_CSV] = _headline(content_of(path_of(run, SUMMARY_CSV)), results.names)
    for name, content in contents.items():  # the same content gives the same file
        (out / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    # Links to files that are not kept go: on the page with the words, in a text without.
    for path in (out / INDEX_HTML, *out.glob("*.md")):
        pattern, words = (_FILE, "") if path.name == INDEX_HTML else (_LINK, r"\g<words>")
        text = path.read_text(encoding="utf-8")
        for link in pattern.finditer(text):
            if not (out / link["to"]).is_file():
                text = text.replace(link[0], link.expand(words))
        path.write_text(text, encoding="utf-8")


def _figures(results: Results, run: Path) -> Sequence[str]:
    """The paths of the figures that are kept; of those of claims the recipe of the verdicts."""
    main = results.recipes[0]
    of_claims = results.claims["setting"]["recipe"] if results.claims else main
    names = (f"{name}-{of_claims if name.startswith('claims-') else main}" for name in KEPT_FIGURES)
    paths = [f"{FIGURES_FOLDER}/{name}.png" for name in names]
    return [path for path in paths if (run / path).exists()][:MOST_FIGURES]


def _headline(summary: bytes, names: Names) -> bytes:
    """The rows of a summary that are kept, as they are."""
    rows = csv.DictReader(io.StringIO(summary.decode()))
    primary = {method.name: method.primary_score for method in names.methods}
    of_papers = {(number.metric, number.score) for number in PUBLISHED}
    written = io.StringIO()
    writer = csv.DictWriter(written, rows.fieldnames or (), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        metric, score = row["metric"], row["score"]
        by_its_score = score in ("", primary[row["method"]]) or (metric, score) in of_papers
        if metric in KEPT_METRICS and by_its_score:
            writer.writerow(row)
    return written.getvalue().encode()


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
