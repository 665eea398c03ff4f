"""A folder that ``run_all.py --part i/n`` has written, and its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

import pandas as pd

from benchmarks.errors import UserError
from benchmarks.predictions import PredictionStore, RunUnit
from benchmarks.run.failure import Failure, error_path, read_reason
from benchmarks.run.folder.earlier_run import read_record
from benchmarks.run.parts.part import Part
from benchmarks.run.plan import Plan
from benchmarks.run.stages.derived import sources
from benchmarks.run.stages.training_log import logged, read_log
from benchmarks.vocabulary import MEASUREMENTS_CSV, PREDICTIONS_FOLDER, RUN_JSON, TRAINING_CSV

OBJECTS = ("configuration", "environment", "data", "integrity", "seconds")
"""What a record has, beside texts."""


@dataclass(frozen=True, eq=False)
class PartFolder:
    """A finished part of a run.

    Attributes:
        folder: where it is.
        part: which part it is.
        record: the content of its ``run.json``.
    """

    folder: Path
    part: Part
    record: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> PartFolder:
        """The part in a folder.

        Raises:
            UserError: there is none, or it is not finished.
        """
        if not (folder / RUN_JSON).is_file():
            raise UserError(
                f"{folder} is no part of a run: there is no {RUN_JSON}; name folders that "
                "run_all.py --part has written"
            )
        record = read_record(folder)
        if "part" not in record:
            raise UserError(
                f"{folder} holds a whole run; name folders that run_all.py --part has written"
            )
        if damaged := [name for name in OBJECTS if not isinstance(record.get(name), dict)]:
            raise UserError(
                f"{folder / RUN_JSON} is damaged: it has no {damaged[0]}; compute the part again"
            )
        try:
            part = Part.named(str(record["part"]))
        except UserError as error:
            raise UserError(
                f"{folder / RUN_JSON} is damaged: {record['part']!r} names no part; compute the "
                "part again"
            ) from error
        one = cls(folder, part, record)
        if not (folder / MEASUREMENTS_CSV).exists():
            raise UserError(f"{one} is not finished; {one.remedy}")
        return one

    def __str__(self) -> str:
        return f"part {self.part} in {self.folder}"

    @property
    def remedy(self) -> str:
        """What to do where something of it is missing."""
        return f"run {self.record.get('command')} --out {quote(str(self.folder))}"

    @property
    def predictions(self) -> PredictionStore:
        """Its prediction files."""
        return PredictionStore(self.folder / PREDICTIONS_FOLDER)

    def fingerprints(self) -> dict[str, str | None]:
        """The fingerprint of each set of images; ``None``: the set could not be had."""
        return {name: entry.get("fingerprint") for name, entry in self.record["data"].items()}

    def require_complete(self, run: Plan) -> None:
        """Stop where something is missing that a run has, unless the method has failed.

        Every prediction file is read once, so that a damaged one is found here.

        Raises:
            UserError: a prediction file or the log of a network is missing or damaged, or other
                code has computed the values of scores and metrics in a file.
        """
        plan = self._share(run)
        computed_by = sources(plan)
        unavailable = {name for name, known in self.fingerprints().items() if known is None}
        sound = [unit for unit in plan.units() if not error_path(self.folder, unit).exists()]
        for unit in sound:
            for condition in () if plan.objection(unit) else plan.predicted(unit):
                if condition.name not in unavailable:
                    self._require_prediction(unit, condition.name, computed_by)
        missing = plan.networks_of([sound]) - logged(self.log(), plan)
        if missing:
            recipe, number = min(missing)
            raise UserError(
                f"{self} lacks the log of network {number} of {recipe!r} in {TRAINING_CSV}; "
                f"{self.remedy}"
            )

    def log(self) -> pd.DataFrame:
        """The log of its networks, as text.

        Raises:
            UserError: it is damaged.
        """
        return read_log(self.folder / TRAINING_CSV)

    def failures(self, run: Plan) -> Iterator[Failure]:
        """The run units of the part that failed, and why."""
        for unit in self._share(run).units():
            if (path := error_path(self.folder, unit)).exists():
                yield Failure(unit.name, read_reason(path))

    def files(self, run: Plan) -> Iterator[Path]:
        """The prediction files, and those of errors, of its share."""
        plan = self._share(run)
        for unit in plan.units():
            predicted = [one.name for one in plan.predicted(unit)]
            paths = [self.predictions.path(unit, condition) for condition in predicted]
            yield from filter(Path.exists, (*paths, error_path(self.folder, unit)))

    def _share(self, run: Plan) -> Plan:
        return replace(run, part=self.part)

    def _require_prediction(
        self, unit: RunUnit, condition: str, computed_by: Mapping[str, int]
    ) -> None:
        path = self.predictions.path(unit, condition)
        if not path.exists():
            raise UserError(
                f"{self} lacks the prediction file {path.relative_to(self.folder)}; {self.remedy}"
            )
        try:
            found = self.predictions.load(unit, condition).sources
        except UserError as error:
            raise UserError(f"{self}: {error}") from error
        if other := [name for name, source in computed_by.items() if found.get(name) != source]:
            raise UserError(
                f"{self} has values of {other[0]!r} that other code than this has computed, in "
                f"{path.relative_to(self.folder)}; merge with the code of all parts, or "
                f"{self.remedy}"
            )
