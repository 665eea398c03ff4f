"""The files of all parts in one folder, as one run would have written them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.errors import UserError
from benchmarks.files import link
from benchmarks.merge.part_folder import PartFolder
from benchmarks.run.plan import Plan
from benchmarks.run.stages.training_log import write_log
from benchmarks.stored.listing import own_file
from benchmarks.vocabulary import TRAINING_CSV

SERIES = ["recipe", "network", "epoch", "split"]
"""The columns of the training log that name a row."""


def unite(plan: Plan, parts: Sequence[PartFolder], folder: Path) -> None:
    """Write the parts' predictions, errors and training logs into a folder.

    Of each part only what is its share, whatever else is in its folder.

    Raises:
        UserError: two parts have different logs of one network.
    """
    for one in parts:
        for path in one.files(plan):
            link(path, folder / path.relative_to(one.folder))
    _unite_logs(plan, parts, folder)


def _unite_logs(plan: Plan, parts: Sequence[PartFolder], folder: Path) -> None:
    """The logs of all networks in the order of the plan, each once."""
    log = pd.concat([one.log() for one in parts], ignore_index=True).drop_duplicates()
    differing = log[log.duplicated(SERIES)]
    if len(differing):
        recipe, network = differing.iloc[0][["recipe", "network"]]
        raise UserError(
            f"the parts have trained network {network} of {recipe!r} differently; compute them on "
            "machines of one kind"
        )
    if len(log):
        write_log(log, plan, own_file(folder, TRAINING_CSV))
