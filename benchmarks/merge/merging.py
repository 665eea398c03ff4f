"""A run made of its parts, in a folder that appears whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.errors import UserError
from benchmarks.merge.new_folder import new_folder
from benchmarks.merge.part_folder import PartFolder
from benchmarks.merge.uniting import unite
from benchmarks.report import write_report
from benchmarks.run.figure_data.images import write_images
from benchmarks.run.folder.checksums import write_checksums
from benchmarks.run.folder.earlier_run import forget_finished
from benchmarks.run.folder.recorded import require_images_of
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.stages.measure import measure_all
from benchmarks.run.stages.predict import find_data
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import IMAGES_NPZ, MEASURE, REPORT


def merge(plan: Plan, workspace: Workspace, parts: Sequence[PartFolder]) -> None:
    """Unite the parts, and compute from their predictions what is of the whole run.

    Writes what the run would have written up to its stage `measure`, and the report. What the parts
    lacked is left out, even if it can be had here.

    Raises:
        UserError: images here differ from those of the parts, or the parts have different logs.
        IntegrityError: an integrity probe failed.
    """
    with new_folder(workspace.out) as folder:
        inside = replace(workspace, out=folder)
        try:
            record = RunRecord.merged(plan, folder, [one.record for one in parts])
            unite(plan, parts, folder)
            write_checksums(plan, inside)
            nouns_of(plan, metric_records()).write(folder)
            with record.timed(MEASURE):
                found = find_data(plan, inside)
                require_images_of(record.data, found, "the parts")
                absent = {name for name, entry in found.items() if "unavailable" in entry}
                for name in sorted(absent - record.unavailable.keys()):
                    why = found[name]["unavailable"]
                    print(f"warning: {IMAGES_NPZ} lacks those of {name!r}: {why}", file=sys.stderr)
                write_images(plan, inside, absent | record.unavailable.keys())
                measure_all(plan, inside, record)
                forget_finished(folder)
            with record.timed(REPORT):
                write_report(folder, workspace.jobs)
        except UserError as error:
            # The folder is about to go: the file that is named came from a part.
            raise UserError(str(error).replace(str(folder), "PART")) from error
