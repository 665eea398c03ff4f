"""What the stage `measure` has finished, a file each, kept in the run's folder until it ends.

So a kill costs only what was being computed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.files import read_json, write_json, written_whole
from benchmarks.inference.comparison.comparisons import Estimates
from benchmarks.inference.comparison.intervals import Interval
from benchmarks.run.workspace import Workspace
from benchmarks.schema import Comparison, Measurement, WorthRow
from benchmarks.vocabulary import FINISHED_FOLDER

Numbered = tuple[int, Any]
"""An item of work, after its position among all of its kind."""


@dataclass(frozen=True)
class OnceOnly:
    """Work whose results are kept, and read where they are asked for again.

    Args:
        work: called with a workspace and an item.
        kind: what items are; it begins the names of the files.
        plain: a result as JSON has it.
        result: of that, the result again.
    """

    work: Callable[[Workspace, Any], Any]
    kind: str
    plain: Callable[[Any], Any]
    result: Callable[[Any], Any]

    def __call__(self, workspace: Workspace, item: Numbered) -> Numbered:
        """The item's number, and its result, computed or read."""
        number, of_work = item
        path = workspace.out / FINISHED_FOLDER / f"{self.kind}-{number}.json"
        if path.exists():
            return number, self.result(read_json(path)["result"])
        result = self.work(workspace, of_work)
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps({"result": self.plain(result)}), encoding="utf-8")
        return number, result


def keep_finished(out: Path, decided_by: Mapping[str, Any]) -> None:
    """Forget what was finished where something else decided it, such as other code.

    Args:
        decided_by: all that decides the results beside the configuration and the predictions; its
            ``commit`` may say that the code was modified, nobody knows how.
    """
    path = out / FINISHED_FOLDER / "decided_by.json"
    if read_json(path) != decided_by or str(decided_by["commit"]).endswith("modified"):
        forget_finished(out)
        write_json(decided_by, path)


def forget_finished(out: Path) -> None:
    """Remove what was finished."""
    if (out / FINISHED_FOLDER).exists():
        shutil.rmtree(out / FINISHED_FOLDER)


def plain_rows(rows: Sequence[Any]) -> list[list[Any]]:
    """The rows as JSON has them."""
    return [[*vars(row).values()] for row in rows]


def rows_of(plain: list[list[Any]], kind: type[Any] = Measurement) -> list[Any]:
    """The rows again."""
    names = [field.name for field in fields(kind)]
    return [kind(**dict(zip(names, row, strict=True))) for row in plain]


def plain_estimates(estimates: Estimates) -> list[Any]:
    """The estimates as JSON has them."""
    return [
        list(estimates.intervals.items()),
        plain_rows(estimates.comparisons),
        plain_rows(estimates.worths),
        plain_rows(estimates.score_comparisons),
        plain_rows(estimates.score_worths),
    ]


def estimates_of(plain: list[Any]) -> Estimates:
    """The estimates again."""
    intervals, *rows = plain
    kinds = (Comparison, WorthRow, Comparison, WorthRow)
    return Estimates(
        {tuple(key): Interval(*interval) for key, interval in intervals},
        *map(rows_of, rows, kinds),
    )
