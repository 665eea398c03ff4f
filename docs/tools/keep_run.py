"""What of a run stays in the repository: ``python docs/tools/keep_run.py RUN OUT``.

A run writes hundreds of files and up to a hundred megabytes. The repository keeps what people read
and what README and docs are made from; the command in ``run.json`` makes the rest again.
"""

from __future__ import annotations

import lzma
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
from keep_probabilities import PROBABILITIES_NPZ

from benchmarks.io import UserError, content_of, path_of
from benchmarks.nouns import Contestant
from benchmarks.report.published import PUBLISHED
from benchmarks.report.results import Results, by_primary_score
from benchmarks.schema import write_table
from benchmarks.vocabulary import (
    ANSWER_CSV,
    ANSWER_JSON,
    CLAIMS_CSV,
    CLAIMS_JSON,
    CLAIMS_MD,
    EPISTEMIC_CSV,
    EXPERIMENTS_CSV,
    FIGURES_FOLDER,
    INDEX_HTML,
    INFLUENCES_FOLDER,
    LAB_HTML,
    LATENCY_CSV,
    NOUNS_JSON,
    RUN_JSON,
    SUMMARY_CSV,
    TABLES_FOLDER,
    TRAINING_CSV,
)

COPIED = (
    *(INDEX_HTML, ANSWER_JSON, CLAIMS_JSON, CLAIMS_MD, LAB_HTML),
    *(ANSWER_CSV, LATENCY_CSV, RUN_JSON, NOUNS_JSON, PROBABILITIES_NPZ),
    *(
        f"{TABLES_FOLDER}/{name}.md"
        for name in ("front", "leaderboard", "worth", "members", "published", "epistemic")
    ),
    f"{TABLES_FOLDER}/*.csv",
)
"""The files that are kept as they are, also as a pattern."""

WHOLE = (TRAINING_CSV, CLAIMS_CSV, EPISTEMIC_CSV, EXPERIMENTS_CSV)
"""The tables that are kept whole, compressed."""

METRICS = (
    *("accuracy", "nll", "brier", "ece", "mean_confidence"),
    *("error_at_coverage_90", "augrc", "auroc"),
)
"""Those whose rows of the summary are kept, for README and for other papers."""

FIGURES = (
    *("worth", "quality", "claims-count-plots", "rotated"),
    *("data-size", "label-noise", "uses"),
)
"""Those that the run has are kept as PNG; its page has all."""

_FILE = re.compile(r'<(li|span) class="file"><a href="(?P<to>[^"#]+)">.*?</\1>')
_OTHERS = re.compile("(?<=<!-- other pages -->).*?(?=<!-- end -->)", re.DOTALL)
_TITLE = re.compile("<title>(.*?)</title>")
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
    # What was kept of an earlier run goes.
    for folder in (FIGURES_FOLDER, TABLES_FOLDER, INFLUENCES_FOLDER):
        shutil.rmtree(out / folder, ignore_errors=True)
    for path in out.glob("*.csv*"):
        path.unlink()
    figures = [f"{FIGURES_FOLDER}/{name}.png" for name in FIGURES]
    for name in (*COPIED, *figures):
        for path in run.glob(name):
            kept = out / path.relative_to(run)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, kept)
    # The few replicates of experiments are nothing to compare others with.
    if (run / INFLUENCES_FOLDER).exists() and not path_of(run, EPISTEMIC_CSV).exists():
        shutil.copytree(run / INFLUENCES_FOLDER, out / INFLUENCES_FOLDER)
    write_table(_kept_rows(results), out, SUMMARY_CSV)
    contents = {SUMMARY_CSV: (out / SUMMARY_CSV).read_bytes()}
    (out / SUMMARY_CSV).unlink()
    contents |= {n: content_of(path_of(run, n)) for n in WHOLE if path_of(run, n).exists()}
    for name, content in contents.items():  # the same content gives the same file
        (out / f"{name}.xz").write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))
    # Links to files that are not kept go: on the page with the words, in a text without.
    for path in (out / INDEX_HTML, *out.glob("*.md")):
        pattern, words = (_FILE, "") if path.name == INDEX_HTML else (_LINK, r"\g<words>")
        text = path.read_text(encoding="utf-8")
        for link in pattern.finditer(text):
            if not (out / link["to"]).is_file():
                text = text.replace(link[0], link.expand(words))
        path.write_text(text, encoding="utf-8")


def link_pages(results: Path) -> None:
    """Have the page of each run in a folder lead to all pages there, labs included."""
    links = []
    for path in sorted(results.glob("*/*.html")):
        title, *_ = _TITLE.findall(path.read_text(encoding="utf-8"))  # drawings have titles, too
        links.append(f'<li><a href="../{path.parent.name}/{path.name}">{title}</a></li>')
    listed = "\n".join(["<details><summary>All pages</summary><ul>", *links, "</ul></details>"])
    for path in results.glob(f"*/{INDEX_HTML}"):
        text = path.read_text(encoding="utf-8")
        path.write_text(_OTHERS.sub(lambda _: listed, text), encoding="utf-8")


def _kept_rows(results: Results) -> pd.DataFrame:
    """The rows of the summary by primary scores, those that papers have, and all of the answer."""
    rows = results.summary[results.summary["metric"].isin(METRICS)]
    published = {(number.metric, number.score) for number in PUBLISHED}
    in_papers = [pair in published for pair in zip(rows["metric"], rows["score"], strict=True)]
    kept = in_papers | rows.index.isin(by_primary_score(rows, results.names).index)
    if not results.answer.empty:
        keys = [*Contestant._fields, "condition", "metric"]
        answered = pd.MultiIndex.from_frame(results.answer[keys])
        kept |= pd.MultiIndex.from_frame(rows[keys]).isin(answered)
    return rows[kept]


if __name__ == "__main__":
    try:
        run, out = map(Path, sys.argv[1:])
        keep(run, out)
        link_pages(out.parent)
    except (ValueError, UserError) as error:
        print(f"error: {error}; usage: python docs/tools/keep_run.py RUN OUT", file=sys.stderr)
        sys.exit(2)
