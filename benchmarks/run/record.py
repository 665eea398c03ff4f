"""`run.json`: what was plan, workspace, with what, where, and how long it took."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.environment import commit, environment, suite_version
from benchmarks.errors import UserError
from benchmarks.files import write_json
from benchmarks.run.integrity.check import Check, require_passed
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import (
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CLAIMS_MD,
    COMPARISONS_CSV,
    CURVES_FOLDER,
    FIGURES_FOLDER,
    IMAGES_NPZ,
    INDEX_HTML,
    LATENCY,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    RUN_JSON,
    SUMMARY_CSV,
    TABLES_FOLDER,
    TRAINING_CSV,
)

WRITTEN = (
    *("predictions", "errors", TRAINING_CSV, RUN_JSON),
    *(MEASUREMENTS_CSV, SUMMARY_CSV, COMPARISONS_CSV, LATENCY_CSV),
    *(
        CURVES_FOLDER,
        IMAGES_NPZ,
        CLAIMS_FOLDER,
        CLAIMS_JSON,
        CLAIMS_MD,
        TABLES_FOLDER,
        FIGURES_FOLDER,
        INDEX_HTML,
    ),
)
"""What a run writes into its folder, and what `--overwrite` removes from it."""


class RunRecord:
    """The record of a plan, workspace, on disk after every change.

    Keys: ``version`` and ``configuration`` are the run's identity; ``command`` gives the same run
    again; ``commit`` and ``environment`` say what computed it; ``data`` has for each set of images
    its ``fingerprint``, or says why it is ``unavailable``; ``integrity`` is what the probes of
    ``networks`` and of ``predictions`` found; ``seconds`` is the wall time by stage, resumed runs
    added up.
    """

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self._path = path
        self._content = content

    @classmethod
    def begin(cls, plan: Plan, workspace: Workspace, *, overwrite: bool = False) -> RunRecord:
        """The record of a new plan, workspace, or of an earlier run of the same configuration to be resumed.

        Raises:
            UserError: the output folder holds a run of another configuration, or of another
                version, and is not to be overwritten.
        """
        out = workspace.out
        identity = {
            "version": suite_version(),
            "configuration": plan.configuration.identity,
        }
        if overwrite:
            _remove_earlier_run(out)
        earlier = _read(out)
        _require_same(earlier, identity, out)
        if not (out / "predictions").exists():
            earlier = {"seconds": _seconds_of_timings(earlier, out)}
        record = cls(
            out / RUN_JSON,
            identity
            | {
                "command": plan.configuration.command,
                "commit": commit(),
                "environment": environment(plan.engine),
                "data": earlier.get("data", {}),
                "integrity": earlier.get("integrity", {}),
                "seconds": earlier.get("seconds", {}),
            },
        )
        record._save()
        return record

    @property
    def data(self) -> dict[str, dict[str, str]]:
        """For each set of images its fingerprint, or the reason why it is unavailable."""
        data: dict[str, dict[str, str]] = self._content["data"]
        return data

    @property
    def trained_on(self) -> str | None:
        """The fingerprint of the training images, if the run has needed them."""
        return self.data.get("training", {}).get("fingerprint")

    @property
    def unavailable(self) -> dict[str, str]:
        """The conditions whose images cannot be had, each with the reason."""
        return {
            name: entry["unavailable"]
            for name, entry in self.data.items()
            if "unavailable" in entry
        }

    def note_data(self, data: dict[str, dict[str, str]]) -> None:
        """Write down what the images are.

        Raises:
            UserError: a set differs from what this run was begun with.
        """
        for name, entry in self.data.items():
            earlier, now = entry.get("fingerprint"), data.get(name, {}).get("fingerprint")
            if earlier and now and earlier != now:
                raise UserError(
                    f"the images of {name!r} differ from those that this run was begun with "
                    f"(fingerprint {now[:12]}, not {earlier[:12]}); start it anew with --overwrite"
                )
        self._content["data"] = data
        self._save()

    def note_integrity(self, probed: str, checks: list[Check]) -> None:
        """Write down what the probes of networks or predictions found, then stop if one failed.

        Raises:
            IntegrityError: a probe failed.
        """
        self._content["integrity"][probed] = [asdict(check) for check in checks]
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


def _read(out: Path) -> dict[str, Any]:
    path = out / RUN_JSON
    if not path.exists():
        left = [name for name in WRITTEN if (out / name).exists()]
        if left:
            raise UserError(
                f"{out} holds {left[0]} of a run whose {RUN_JSON} is gone; choose another folder "
                "with --out, or remove that run with --overwrite"
            )
        return {}
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return dict(content) | {"configuration": dict(content["configuration"])}
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path} is damaged ({error}); start the run anew with --overwrite"
        ) from error


def _seconds_of_timings(earlier: dict[str, Any], out: Path) -> dict[str, float]:
    """All there is to go on from without predictions; none in published results, say."""
    if not (out / LATENCY_CSV).exists() or (out / SUMMARY_CSV).exists():
        return {}
    return {stage: s for stage, s in earlier.get("seconds", {}).items() if stage == LATENCY}


def _require_same(earlier: dict[str, Any], identity: dict[str, Any], out: Path) -> None:
    if not earlier:
        return
    differing = [
        name
        for part in ("version", "configuration")
        for name in _differing(part, earlier.get(part), identity[part])
    ]
    if differing:
        raise UserError(
            f"{out} holds a run of another configuration (other {', '.join(differing)}); choose "
            "another folder with --out, or remove that run with --overwrite"
        )


def _differing(part: str, one: object, other: object) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        return [key for key in other if one.get(key) != other[key]]
    return [] if one == other else [part]


def _remove_earlier_run(out: Path) -> None:
    for name in WRITTEN:
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
