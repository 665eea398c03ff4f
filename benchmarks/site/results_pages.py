"""The pages that lead to results: of all runs, and of the folders of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

from benchmarks.escaping.markdown import markdown_text
from benchmarks.escaping.names import printable
from benchmarks.site.runs import Run
from benchmarks.site.sources import README
from benchmarks.vocabulary import CLAIMS_MD, INDEX_HTML, LAB_HTML, PUBLISHED_MD, RUN_JSON

RESULTS = "results"

OPENED = (
    (INDEX_HTML, "All results on one page"),
    (LAB_HTML, "The lab: draw a digit, and watch networks vote"),
    (CLAIMS_MD, "The article’s claims"),
    (PUBLISHED_MD, "Other papers’ numbers"),
    (RUN_JSON, "The record of the run"),
)
"""What a run may have for readers, and what it is called."""

READ = (CLAIMS_MD, PUBLISHED_MD)
"""Files of a run that the site has as pages, too."""


def results_pages(runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    """The address of each page, and its Markdown."""
    yield f"{RESULTS}/{README}", "\n".join(["# Results", *map(_section, runs)])
    for run in runs:
        yield from ((f"{uri}/{README}", page) for uri, page in _folders(run).items())
        for name in READ:
            if (path := run.folder / name).is_file():
                yield f"{run.uri}/{_page(name)}", path.read_text(encoding="utf-8")


def _page(name: str) -> str:
    """The address of a file's page, which must differ from that of the file as it is."""
    return f"{PurePosixPath(name).stem}-page.md" if name in READ else quote(name)


def _section(run: Run) -> str:
    """What the site has of a run."""
    paths = [path.relative_to(run.folder).as_posix() for path in run.files()]
    present = {INDEX_HTML, *([LAB_HTML] if run.lab else []), *paths}
    opened = [f"- [{title}]({run.name}/{_page(name)})" for name, title in OPENED if name in present]
    folders = sorted({path.split("/")[0] for path in paths if "/" in path})
    listed = [f"[{markdown_text(name)}]({run.name}/{quote(name)}/{README})" for name in folders]
    tables = [
        f"[{markdown_text(name)}]({run.name}/{quote(name)})"
        for name in paths
        if "/" not in name and name not in dict(OPENED)
    ]
    lines = [f"\n## {run.name}\n", *opened]
    if listed:
        lines.append(f"- Folders: {', '.join(listed)}")
    if tables:
        lines.append(f"- Files: {', '.join(tables)}; [what is in each](../docs/output.md)")
    if command := run.record.get("command"):
        lines.append(f"\nMade by:\n\n    {printable(command)}")
    return "\n".join(lines)


def _folders(run: Run) -> dict[str, str]:
    """By its address, the page of each folder: a row for each name, with its formats."""
    names: dict[str, dict[str, list[str]]] = {}
    for path in run.files():
        file = PurePosixPath(path.relative_to(run.folder).as_posix())
        if len(file.parts) > 1:
            names.setdefault(str(file.parent), {}).setdefault(file.stem, []).append(file.suffix)
    return {
        f"{run.uri}/{folder}": _table(f"{run.name}/{folder}", own.items())
        for folder, own in names.items()
    }


def _table(title: str, names: Iterable[tuple[str, list[str]]]) -> str:
    rows = [
        f"| {markdown_text(name)} | "
        + ", ".join(f"[{suffix[1:]}]({quote(name + suffix)})" for suffix in suffixes)
        + " |"
        for name, suffixes in names
    ]
    return "\n".join([f"# {markdown_text(title)}", "", "| name | formats |", "|---|---|", *rows])
