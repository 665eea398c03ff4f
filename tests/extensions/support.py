"""A small whole run, and the files that it wrote: the tests of extensions read nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.run.configuration import Configuration
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table, where
from tests.runs import QUICK, predicted_arrays, run_of

SMALL = replace(
    QUICK,
    methods=("softmax", "deep_ensemble"),
    conditions=("ood-uniform_noise",),
    members=(3,),
    passes=(6,),
    replicates=2,
    images=200,
    epochs=1,
    resamples=100,
    batch_sizes=(1,),
)
"""Of MNIST, as `tests.runs.small_mnist` reduces it."""


@dataclass(frozen=True)
class Written:
    """The files of a finished run."""

    folder: Path

    def rows(self, file: str, **values: object) -> pd.DataFrame:
        """The rows of a CSV with these values."""
        return where(read_table(self.folder, file), **values)

    def arrays(self, owner: str, condition: str) -> dict[str, np.ndarray]:
        """The arrays of a prediction file, of the first network or replicate."""
        (path,) = self.folder.glob(f"predictions/{owner}*0/{condition}.npz")
        return predicted_arrays(path)

    @cached_property
    def tables(self) -> str:
        """The text of all tables, headings in one line."""
        paths = sorted((self.folder / "tables").glob("*.csv"))
        return " ".join("".join(path.read_text("utf-8") for path in paths).split())

    @cached_property
    def page(self) -> str:
        """The page's HTML."""
        return (self.folder / "index.html").read_text(encoding="utf-8")

    def section(self, name: str) -> str:
        """The HTML of a section of the page."""
        section = re.search(rf'<section id="{name}".*?</section>', self.page, re.DOTALL)
        assert section, f"the page has no section {name}"
        return section.group()


def run(configuration: Configuration, folder: Path) -> Written:
    """Run every stage, none of which may fail; all rows, also by other scores, are written."""
    plan, workspace = run_of(configuration, folder)
    assert run_stages(replace(plan, all_rows=True), workspace) == []
    return Written(workspace.out)
