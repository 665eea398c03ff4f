"""`run.json`: what was run, on what data, with which versions, and how long it took."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.environment import commit, environment, joined, suite_version
from benchmarks.errors import UserError
from benchmarks.files import write_json
from benchmarks.nouns import FILES
from benchmarks.run.integrity.check import Check, require_passed
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import (
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CLAIMS_MD,
    COMPARISONS_CSV,
    CURVES_FOLDER,
    ERRORS_FOLDER,
    FIGURES_FOLDER,
    IMAGES_NPZ,
    INDEX_HTML,
    LATENCY,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    PREDICTIONS_FOLDER,
    RUN_JSON,
    SUMMARY_CSV,
    TABLES_FOLDER,
    TRAINING_CSV,
)

WRITTEN = (
    *FILES,
    *(PREDICTIONS_FOLDER, ERRORS_FOLDER, TRAINING_CSV, RUN_JSON),
    *(MEASUREMENTS_CSV, SUMMARY_CSV, COMPARISONS_CSV, LATENCY_CSV),
    *(CURVES_FOLDER, IMAGES_NPZ, CLAIMS_FOLDER, CLAIMS_JSON, CLAIMS_MD),
    *(TABLES_FOLDER, FIGURES_FOLDER, INDEX_HTML),
)
"""What a run writes into its folder, and what `--overwrite` removes from it."""

OF_A_PART = ("part", "commit", "environment", "seconds")
"""What the record of a merged run keeps of each part's."""

PREDICTIONS = 1
"""What predictions mean: raise it when masks, seeds, splits, rounding or a method change.

A folder of other predictions is then neither resumed nor merged, although no name has changed.
"""


class RunRecord:
    """The record of a run, on disk after every change.

    Keys: ``version``, ``predictions`` (see `PREDICTIONS`) and ``configuration`` are the run's
    identity; ``part`` is the part of it, such as ``2/4``, if it is not whole; ``command`` gives the
    same run again; ``replicates`` counts the replicates of each recipe, method and size; ``commit``
    and ``environment`` are what computed it, merged parts included; ``data`` has for each set of
    images its ``fingerprint``, or the reason why it is ``unavailable``; ``integrity`` has the
    results of the probes of ``networks`` and ``predictions``; ``seconds`` is the wall time by
    stage, resumed runs and merged parts added up; ``parts`` has the part, commit, environment and
    seconds of each part that was merged.
    """

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self._path = path
        self._content = content

    @classmethod
    def begin(cls, plan: Plan, workspace: Workspace, *, overwrite: bool = False) -> RunRecord:
        """The record of a new run, or of an earlier one of the same configuration to be resumed.

        Raises:
            UserError: the output folder holds a run of another configuration, or of another
                version, and is not to be overwritten.
        """
        out = workspace.out
        identity = _identity(plan)
        if overwrite:
            _remove_earlier_run(out)
        earlier = read_record(out)
        _require_same(earlier, identity, out)
        if not (out / PREDICTIONS_FOLDER).exists():
            earlier = {"seconds": _seconds_of_timings(earlier, out)}
        parts = earlier.get("parts", [])
        environments = [*(part["environment"] for part in parts), environment(plan.engine)]
        record = cls(
            out / RUN_JSON,
            identity
            | {
                **_identification(plan),
                "commit": commit(),
                "environment": joined(environments),
                "data": earlier.get("data", {}),
                "integrity": earlier.get("integrity", {}),
                "seconds": earlier.get("seconds", {}),
                **({"parts": parts} if parts else {}),
            },
        )
        record._save()
        return record

    @classmethod
    def merged(cls, plan: Plan, out: Path, parts: Sequence[Mapping[str, Any]]) -> RunRecord:
        """The record of a run that is made of the parts with these records."""
        seconds: Counter[str] = Counter()
        for part in parts:
            seconds.update(part["seconds"])
        networks = [check for part in parts for check in part["integrity"].get("networks", [])]
        record = cls(
            out / RUN_JSON,
            {
                **_identity(plan),
                **_identification(plan),
                "commit": commit(),
                "environment": joined([part["environment"] for part in parts]),
                "data": {
                    name: _as_known(entry) or entry
                    for part in parts
                    for name, entry in part["data"].items()
                },
                "integrity": {"networks": networks} if networks else {},
                "seconds": {stage: round(total, 1) for stage, total in seconds.items()},
                "parts": [{name: part[name] for name in OF_A_PART} for part in parts],
            },
        )
        record._save()
        return record

    @property
    def data(self) -> dict[str, dict[str, str]]:
        """For each set of images its fingerprint, or the reason why it is unavailable."""
        data: dict[str, dict[str, str]] = self._content["data"]
        return data

    def trained_on(self, plan: Plan) -> str | None:
        """The fingerprint of the images of the first recipe, if the run has needed them."""
        recipe = plan.configuration.recipe(plan.configuration.recipes[0])
        return self.data.get(recipe.split, {}).get("fingerprint")

    @property
    def unavailable(self) -> dict[str, str]:
        """The conditions whose images cannot be had, each with the reason."""
        return {
            name: entry["unavailable"]
            for name, entry in self.data.items()
            if "unavailable" in entry
        }

    def note_data(self, data: dict[str, dict[str, str]]) -> None:
        """Record the fingerprint of each set of images, or why it is unavailable.

        Of a set that is unavailable now, but was not before, both.

        Raises:
            UserError: a set differs from what this run was begun with.
        """
        for name, entry in self.data.items():
            earlier, now = entry.get("fingerprint"), data.get(name, {}).get("fingerprint")
            if earlier and now and earlier != now:
                raise UserError(
                    f"the images of {name!r} differ from those at the start of this run "
                    f"(fingerprint {now[:12]}, not {earlier[:12]}); use the same data, or start "
                    "again with --overwrite"
                )
        known = {name: _as_known(entry) for name, entry in self.data.items()}
        self._content["data"] = {name: known.get(name, {}) | entry for name, entry in data.items()}
        self._save()

    def note_integrity(self, probed: str, checks: list[Check]) -> None:
        """Record the results of the probes of networks or predictions, then stop if one failed.

        Those of the networks of merged parts are kept: these may be on other machines.

        Raises:
            IntegrityError: a probe failed.
        """
        integrity, results = self._content["integrity"], [asdict(check) for check in checks]
        if probed == "networks" and "parts" in self._content:
            earlier = integrity.get("networks", [])
            results = [*(one for one in earlier if one not in results), *results]
        integrity[probed] = results
        self._save()
        require_passed(checks)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the block's wall time to the stage's, even if it is interrupted."""
        start = time.monotonic()
        try:
            yield
        finally:
            seconds = self._content["seconds"]
            seconds[stage] = round(seconds.get(stage, 0.0) + time.monotonic() - start, 1)
            self._save()

    def _save(self) -> None:
        write_json(self._content, self._path)


def _identity(plan: Plan) -> dict[str, Any]:
    """The version of the suite, what its predictions mean, the configuration, and any part."""
    return {
        "version": suite_version(),
        "predictions": PREDICTIONS,
        "configuration": plan.configuration.identity,
        **({} if plan.part is None else {"part": str(plan.part)}),
    }


def meaning_of(record: Mapping[str, Any]) -> int:
    """What the predictions of a record mean; see `PREDICTIONS`."""
    return int(record.get("predictions", 1))  # earlier records do not say it


def _as_known(entry: Mapping[str, str]) -> dict[str, str]:
    """What is known of a set of images, without why it is unavailable."""
    return {name: value for name, value in entry.items() if name != "unavailable"}


def _identification(plan: Plan) -> dict[str, Any]:
    """What a reader wants to know of the run, as follows from its plan."""
    return {
        "command": plan.command,
        "replicates": dict(Counter(unit.variant for unit in plan.units())),
    }


def read_record(out: Path) -> dict[str, Any]:
    """The record of an earlier run in the folder; empty where there is none.

    Raises:
        UserError: it is damaged, or lacks although there is something of a run.
    """
    path = out / RUN_JSON
    if not path.exists():
        left = [name for name in WRITTEN if (out / name).exists()]
        if left:
            raise UserError(
                f"{out} holds {left[0]} of a run whose {RUN_JSON} is missing; choose another "
                "folder with --out, or remove that run with --overwrite"
            )
        return {}
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return dict(content) | {"configuration": dict(content["configuration"])}
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is damaged ({error}); restart the run with --overwrite") from error


def _seconds_of_timings(earlier: dict[str, Any], out: Path) -> dict[str, float]:
    """The seconds of a run that only timed methods; published results are begun anew."""
    if not (out / LATENCY_CSV).exists() or (out / SUMMARY_CSV).exists():
        return {}
    return {stage: s for stage, s in earlier.get("seconds", {}).items() if stage == LATENCY}


def _require_same(earlier: Mapping[str, Any], identity: Mapping[str, Any], out: Path) -> None:
    """Stop where the folder holds another run.

    Raises:
        UserError: it does; a configuration that lacks a part is one of an earlier version.
    """
    if not earlier:
        return
    before, now = earlier["configuration"], identity["configuration"]
    differing = ["version"] if earlier.get("version") != identity["version"] else []
    if meaning_of(earlier) != meaning_of(identity):
        differing.append("meaning of predictions")
    differing += [part for part in now if before.get(part) != now[part]]
    if before.keys() != now.keys():
        held = "a run of an earlier version of the suite"
    elif differing:
        held = f"a run of another configuration (other {', '.join(differing)})"
    elif earlier.get("part") != identity.get("part"):
        held = f"part {earlier['part']} of this run" if "part" in earlier else "the whole run"
    else:
        return
    raise UserError(
        f"{out} holds {held}; choose another folder with --out, or remove that run with --overwrite"
    )


def _remove_earlier_run(out: Path) -> None:
    for name in WRITTEN:
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
