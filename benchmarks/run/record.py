"""The folder of a run, and `run.json`: what was run, on what data, by what, and for how long."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from filelock import FileLock, Timeout

from benchmarks.io import HALF_WRITTEN, UserError, read_run_json, writable_folder, write_json
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import PREDICTIONS_FOLDER, Workspace
from benchmarks.vocabulary import MEASURE, RUN_JSON
from methods.determinism import processor, version_of
from methods.engines.base import Engine
from methods.version import suite_version

LIBRARIES = (
    *("joblib", "numba", "numpy", "pandas", "safetensors", "scikit-image", "scikit-learn"),
    *("scipy", "torch"),
)

LOCK_FILE = ".lock"
"""What a run locks while it writes."""

PREDICTIONS = 8
"""What predictions mean: raise it when masks, seeds, splits, rounding, a method or their files
change.

A folder of other predictions is then not resumed, although no name has changed.
"""


class RunRecord:
    """The record of a run, on disk after every change.

    Keys: ``predictions`` (see `PREDICTIONS`) and ``configuration`` are the run's identity;
    ``command`` gives the same run again; ``replicates`` counts those of each contestant;
    ``version``, ``commit`` and ``environment`` are what computed it last; ``data`` has for each set
    of images its ``fingerprint``, or the reason why it is ``unavailable``; ``seconds`` is the wall
    time by stage, resumed runs and added up; ``machines`` has what computed the ``networks`` and
    the ``predictions``, each once.
    """

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self._path = path
        self._content = content
        self._save()

    @classmethod
    def begin(cls, plan: Plan, workspace: Workspace, *, overwrite: bool = False) -> RunRecord:
        """The record of a new run, or of an earlier one of the same configuration to be resumed.

        Raises:
            UserError: the output folder holds a run of another configuration, or of another
                version, and is not to be overwritten; or it holds something else.
        """
        out = workspace.out
        earlier = earlier_record(plan, out, overwrite=overwrite)
        if overwrite:
            _remove_earlier_run(out)
        if MEASURE in earlier.get("seconds", {}) and not (out / PREDICTIONS_FOLDER).exists():
            earlier = {}  # published results, which are computed anew
        content = {
            "version": suite_version(),
            "predictions": PREDICTIONS,
            "configuration": plan.configuration.identity,
            "command": plan.command,
            "replicates": dict(Counter(unit.folder for unit in plan.units())),
            "commit": commit(),
            "environment": environment(plan.engine),
            **{name: earlier.get(name, {}) for name in ("data", "seconds", "machines")},
        }
        return cls(out / RUN_JSON, content)

    @property
    def data(self) -> dict[str, dict[str, Any]]:
        """Fingerprint and number of each set of images, or why it is unavailable."""
        return cast("dict[str, dict[str, Any]]", self._content["data"])

    @property
    def unavailable(self) -> dict[str, str]:
        """The conditions whose images cannot be had, each with the reason."""
        entries = self.data.items()
        return {name: each["unavailable"] for name, each in entries if "unavailable" in each}

    def note_data(self, data: Mapping[str, dict[str, Any]]) -> None:
        """Record the fingerprint and number of each set's images, or why it is unavailable.

        Of a set that is unavailable now, but was not before, both.

        Raises:
            UserError: a set differs from what this run was begun with.
        """
        noted = {}
        for name, entry in data.items():
            earlier = {key: v for key, v in self.data.get(name, {}).items() if key != "unavailable"}
            before, now = (each.get("fingerprint") for each in (earlier, entry))
            if before and now and before != now:
                raise UserError(
                    f"the images of {name!r} differ from those at the start of this run "
                    f"(fingerprint {now[:12]}, not {before[:12]}); use the same data, or start "
                    "again with --overwrite"
                )
            noted[name] = earlier | entry
        self._content["data"] = noted
        self._save()

    def note_machines(self, what: str, machines: Iterable[str], *, anew: bool = False) -> None:
        """Record what computed the networks or the predictions; where it is not known, nothing.

        Args:
            what: ``networks`` or ``predictions``.
            machines: by their `methods.determinism.machine`.
            anew: whether these are all; by default they are added to those of earlier.
        """
        known = self._content["machines"]
        earlier = [] if anew else known.get(what, [])
        known[what] = sorted({*earlier, *machines} - {""})
        self._save()

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """A stage: its wall time is added up, even if interrupted."""
        by_stage, start = self._content["seconds"], time.monotonic()
        try:
            yield
        finally:
            earlier = by_stage.get(stage, 0.0)
            by_stage[stage] = round(earlier + time.monotonic() - start, 1)
            self._save()

    def _save(self) -> None:
        write_json(self._content, self._path)


def earlier_record(plan: Plan, out: Path, *, overwrite: bool) -> dict[str, Any]:
    """The record of the run that the folder holds, and that goes on; empty if there is none.

    Raises:
        UserError: the folder holds something else, or another run that is not to be overwritten.
    """
    record = read_record(out)
    if overwrite or not record:
        return {}
    before, now = record["configuration"], plan.configuration.identity
    if "recipes" in before:
        raise UserError(
            f"{out} holds a run of version 0.3 or earlier; choose another folder with --out, or "
            "remove that run with --overwrite"
        )
    same_meaning = record.get("predictions") == PREDICTIONS
    differing = [] if same_meaning else ["meaning of predictions"]
    differing += [part for part in now | before if before.get(part) != now.get(part)]
    if differing := [part for part in differing if part != "budgets"]:  # others are `joined`
        raise UserError(
            f"{out} holds a run of another configuration (other {', '.join(differing)}); choose "
            "another folder with --out, or remove that run with --overwrite"
        )
    return record


def joined(plan: Plan, out: Path) -> Plan:
    """The plan with the budgets of the run that the folder holds, which can be that of a sitting.

    A folder of another run is refused later.
    """
    budgets = read_record(out).get("configuration", {}).get("budgets")
    known = {b for b in budgets if isinstance(b, float)} if isinstance(budgets, list) else set()
    every = tuple(known.union(plan.configuration.budgets))
    return replace(plan, configuration=replace(plan.configuration, budgets=every))


def read_record(out: Path) -> dict[str, Any]:
    """The record of an earlier run in the folder; empty where the folder is, or is not there.

    Raises:
        UserError: the folder holds something else, or the record is damaged.
    """
    record = read_run_json(out)
    if {"version", "command"} <= record.keys() and isinstance(record.get("configuration"), dict):
        return record
    if (out / RUN_JSON).exists():
        raise UserError(
            f"{out / RUN_JSON} is no record of a run; move it away, or choose another folder with "
            "--out"
        )
    for path in out.iterdir() if out.is_dir() else ():
        if path.name != LOCK_FILE and not path.match(HALF_WRITTEN):
            raise UserError(
                f"{out} holds {path.name} and no {RUN_JSON} of a run; choose another folder with "
                "--out, or an empty one"
            )
    return {}


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The folder, for this run alone, created if it does not exist, without half-written files.

    However the process ends, the system then releases the lock; its file stays.

    Raises:
        UserError: another run writes there, or nobody can.
    """
    writable_folder("--out", folder)
    try:
        lock = FileLock(folder / LOCK_FILE).acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"another run is writing to {folder}; wait until it has ended, or choose another "
            "folder with --out"
        ) from error
    with lock:
        for path in folder.rglob(HALF_WRITTEN):  # of a run that was killed
            path.unlink(missing_ok=True)
        yield


def _remove_earlier_run(out: Path) -> None:
    """Remove all that the folder of a run holds; a link goes, what it stands for does not.

    The record stays until another one replaces it, so that after a kill the folder is still known
    as that of a run; and so does the lock.
    """
    for path in out.iterdir():
        if path.name in (RUN_JSON, LOCK_FILE):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def require_apart(out: Path, **others: Path | None) -> None:
    """Stop where what an option names lies in the folder of the run, which ``--overwrite`` removes.

    Args:
        out: of the run.
        others: files and folders by the names of their options.

    Raises:
        UserError: it does.
    """
    # Not `Path.resolve`, which links that lead in a circle end.
    real_out = os.path.realpath(out)
    for name, folder in others.items():
        if folder is not None and Path(os.path.realpath(folder)).is_relative_to(real_out):
            option = f"--{name.replace('_', '-')}"
            raise UserError(
                f"{option} {folder}: this lies in the folder of the run, --out {out}, which "
                "--overwrite removes; name another"
            )


def environment(engine: Engine) -> dict[str, object]:
    """Versions, processor, engine and device."""
    return {
        "python": platform.python_version(),
        "libraries": {name: version_of(name) for name in LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "engine": engine.name,
        "device": "cpu" if engine.device == "cpu" else torch.cuda.get_device_name(engine.device),
    }


CODE = (":/methods/*.py", ":/benchmarks/*.py", ":/run_all.py")
"""What is the suite's, of a folder that may hold a user's own, such as a virtual environment."""


def commit(file: Path = Path(__file__)) -> str | None:
    """The commit of the code, ``modified`` where a file differs from it; ``None`` outside git.

    A repository that only surrounds the installed code does not count.
    """

    def git(*words: str) -> str:
        command = ["git", "-C", str(file.parent), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "--", file.name)
        changed = git("status", "--porcelain", "--", *CODE)
        return git("rev-parse", "HEAD") + (" modified" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None
