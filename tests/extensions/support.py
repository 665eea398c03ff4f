"""A small whole run, and the files that it wrote: the tests of extensions read nothing else."""

from __future__ import annotations

import csv
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

    def table(self, name: str) -> list[list[str]]:
        """The rows of a table as text, the headings first; a heading is one line."""
        path = self.folder / "tables" / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            return [[" ".join(cell.split()) for cell in row] for row in csv.reader(file)]

    def tables_with(self, text: str) -> set[str]:
        """The tables with this text in a heading or a cell, without those of latency."""
        paths = (self.folder / "tables").glob("*.csv")
        return {
            path.stem
            for path in paths
            if any(text in cell for row in self.table(path.stem) for cell in row)
        }

    def rows(self, file: str, **values: object) -> pd.DataFrame:
        """The rows of a CSV with these values."""
        return where(read_table(self.folder, file), **values)

    def prediction(self, method: str, condition: str) -> dict[str, np.ndarray]:
        """The arrays of a prediction file: of the method's first replicate."""
        (path,) = self.folder.glob(f"predictions/{method}/*/replicate-00/{condition}.npz")
        return predicted_arrays(path)

    def outputs(self, condition: str) -> dict[str, np.ndarray]:
        """The arrays of the file of the first network."""
        (path,) = self.folder.glob(f"predictions/**/network-000/{condition}.npz")
        return predicted_arrays(path)

    @cached_property
    def figures(self) -> set[str]:
        """The names of the figures that are there as PNG, as SVG and with their numbers."""
        kinds = ("png", "svg", "csv")
        of_kind = [{p.stem for p in (self.folder / "figures").glob(f"*.{k}")} for k in kinds]
        return set.intersection(*of_kind)

    def figures_with(self, column: str, value: str) -> set[str]:
        """The figures whose numbers have the value in the column."""
        return {
            name
            for name in self.figures
            if column in (numbers := read_table(self.folder, f"figures/{name}.csv"))
            and value in set(numbers[column].astype(str))
        }

    @cached_property
    def page(self) -> str:
        """The page's HTML."""
        return (self.folder / "index.html").read_text(encoding="utf-8")

    def section(self, name: str) -> str:
        """The HTML of a section of the page."""
        found = re.search(rf'<section id="{name}".*?</section>', self.page, re.DOTALL)
        assert found, f"the page has no section {name}"
        return found.group()


def run(configuration: Configuration, folder: Path) -> Written:
    """Run every stage, none of which may fail; all rows, also by other scores, are written."""
    plan, workspace = run_of(configuration, folder)
    assert run_stages(replace(plan, all_rows=True), workspace) == []
    return Written(workspace.out)
