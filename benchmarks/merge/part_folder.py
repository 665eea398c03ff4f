"""A folder that ``run_all.py --part i/n`` has written, and its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import UserError
from benchmarks.predictions import PredictionStore
from benchmarks.run.configuration import Configuration
from benchmarks.run.failure import error_path
from benchmarks.run.folder.earlier_run import read_record
from benchmarks.run.parts.part import Part
from benchmarks.run.plan import Plan
from benchmarks.vocabulary import MEASUREMENTS_CSV, PREDICTIONS_FOLDER, RUN_JSON

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
        one = cls(folder, Part.named(str(record["part"])), record)
        if not (folder / MEASUREMENTS_CSV).exists():
            raise UserError(f"{one} is not finished; {one.remedy}")
        return one

    def __str__(self) -> str:
        return f"part {self.part} in {self.folder}"

    @property
    def remedy(self) -> str:
        """What to do where something of it is missing."""
        return f"run {self.record.get('command')} --out {self.folder}"

    @property
    def predictions(self) -> PredictionStore:
        """Its prediction files."""
        return PredictionStore(self.folder / PREDICTIONS_FOLDER)

    def fingerprints(self) -> dict[str, str | None]:
        """The fingerprint of each set of images; ``None``: the set could not be had."""
        return {name: entry.get("fingerprint") for name, entry in self.record["data"].items()}

    def require_complete(self, configuration: Configuration) -> None:
        """Stop where a prediction file is missing whose method has not failed.

        Raises:
            UserError: one is.
        """
        plan, available = Plan(configuration, self.part), self.fingerprints()
        for unit in plan.units():
            if plan.objection(unit) or error_path(self.folder, unit).exists():
                continue
            for condition in plan.conditions_of(unit):
                held = self.predictions.holds(unit, condition.name)
                if available.get(condition.name) and not held:
                    path = self.predictions.path(unit, condition.name).relative_to(self.folder)
                    raise UserError(f"{self} lacks the prediction file {path}; {self.remedy}")
