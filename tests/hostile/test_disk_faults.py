"""A full disk or a read-only folder is no failure of a method, and needs no more than it must."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.files import NotWrittenError, write_json
from benchmarks.run import record as run_record
from benchmarks.run.stages import run_stages
from methods.networks.store import NotStoredError
from tests.hostile.conftest import DIGITS, digits_run, run_command
from tests.run.stages.support import breaking, custom_method
from tests.runs import run_of

pytestmark = pytest.mark.usefixtures("quick_stages")

FULL = os.strerror(errno.ENOSPC)


@pytest.fixture
def read_only_networks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on which whatever writes fails, as on a disk that is mounted for reading alone.

    Permissions would not stop the superuser, as whom tests may run.
    """
    networks = folder / "networks"

    def refuse(path: object) -> None:
        if Path(os.fsdecode(os.fspath(path))).is_relative_to(networks):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def guarded(name: str) -> None:
        original = getattr(os, name)

        def call(path: object, *arguments: object, **options: object) -> object:
            refuse(path)
            return original(path, *arguments, **options)

        monkeypatch.setattr(os, name, call)

    for name in ("open", "mkdir", "unlink", "rename", "replace"):
        guarded(name)
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda p, content: refuse(p) or write(p, content))
    return networks


def test_folder_that_has_all_networks_is_only_read(
    read_only_networks: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (folder / "out" / "predictions").rglob("*.npz"):
        path.unlink()
    before = {path: path.stat().st_mtime_ns for path in read_only_networks.iterdir()}
    assert run_command(monkeypatch, folder) == 0
    assert {path: path.stat().st_mtime_ns for path in read_only_networks.iterdir()} == before


def test_read_only_folder_that_lacks_a_network_is_named_before_any_is_trained(
    read_only_networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*_: object, **__: object) -> None:
        raise AssertionError("nothing was to be trained")

    monkeypatch.setattr("methods.networks.pool.train_networks", train)
    run = run_of(replace(DIGITS, seed=1), tmp_path / "new")
    run = run._replace(workspace=replace(run.workspace, networks=read_only_networks))
    with pytest.raises(NotStoredError) as error:
        run_stages(*run)
    assert (error.value.errno, error.value.filename) == (errno.EROFS, str(read_only_networks))


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A disk that has no room for a file as large as a network or a file of predictions.

    The table of metrics, which is larger, is written before these.
    """
    monkeypatch.setattr("benchmarks.nouns.Nouns.write", lambda *_: None)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9500, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_in_the_stage_predict_is_no_failure_of_the_method(
    folder: Path, request: pytest.FixtureRequest
) -> None:
    for path in (folder / "out" / "predictions").rglob("*.npz"):
        path.unlink()
    request.getfixturevalue("full")
    with pytest.raises(NotWrittenError) as error:
        run_stages(*digits_run(folder), "predict")
    assert error.value.errno == errno.EFBIG
    assert Path(error.value.filename).is_relative_to(folder / "out" / "predictions")
    assert not list((folder / "out").glob("errors/*"))
    assert not list((folder / "out" / "predictions").rglob(".*"))


def test_full_disk_for_networks_is_no_failure_of_the_method(tmp_path: Path, full: None) -> None:
    run = run_of(DIGITS, tmp_path)
    for stage in ("train", "predict"):
        with pytest.raises(NotStoredError) as error:
            run_stages(*run, stage)
        assert error.value.errno == errno.EFBIG
        assert error.value.filename.endswith(".safetensors")
    assert list((tmp_path / "networks").iterdir()) == []
    assert not list((tmp_path / "out").glob("errors/*"))


def test_full_disk_is_said_once_and_the_run_goes_on_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the seconds can be noted then; what is said is what failed first."""
    lost = next((folder / "out" / "predictions").rglob("rotated-045.npz"))
    content, failed = lost.read_bytes(), []

    def fail(*_: object, **__: object) -> None:
        failed.append(True)
        raise OSError(errno.ENOSPC, FULL)

    def write(value: object, path: Path) -> None:
        return fail() if failed else write_json(value, path)

    lost.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("numpy.savez_compressed", fail)
        patch.setattr(run_record, "write_json", write)
        with pytest.raises(NotWrittenError, match=FULL) as error:
            run_stages(*digits_run(folder))
    assert error.value.filename == str(lost)
    assert len(failed) == 2
    assert run_stages(*digits_run(folder)) == []
    assert lost.read_bytes() == content


def test_method_whose_own_file_is_missing_fails_itself(tmp_path: Path) -> None:
    location = custom_method(tmp_path / "code", breaking("True", "OSError(28, 'full', 'mine')"))
    mine = replace(DIGITS, methods=(), custom_methods=(location,), conditions=())
    (failure,) = run_stages(*run_of(mine, tmp_path))
    assert failure.reason.startswith("OSError: [Errno 28] full")


def test_file_that_cannot_be_written_is_named_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    for path in (tmp_path / "taken" / "a.json", tmp_path / ("long" * 80)):
        with pytest.raises(NotWrittenError) as error:
            write_json({}, path)
        assert error.value.filename == str(path)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
