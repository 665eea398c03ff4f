"""Only files that a run wrote are ever removed, whatever stands beside them."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.comparison import command as run_all
from benchmarks.errors import UserError
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.report import recipe, write_report
from benchmarks.run.folder.earlier_run import remove_earlier_run
from benchmarks.run.record import RunRecord
from benchmarks.run.stages import run_stages
from benchmarks.score import command as score_command
from benchmarks.vocabulary import FINISHED_FOLDER
from methods import Prediction
from tests.hostile.conftest import digits_run

MINE = (
    *("notes.txt", "index.html.bak", "claims.md", ".hidden.1.2"),
    *("figures/mine.png", "tables/mine-standard.csv", "curves/mine.csv", "claims/mine.csv"),
    *("errors/notes.txt", "errors/old/notes.txt", "predictions/mine.npz"),
    *("predictions/standard/softmax/replicate-00/notes.txt", "networks/mine.safetensors"),
)
"""Files of a user's, where a run writes too; task digits has no claims."""


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def put_mine(out: Path) -> dict[str, bytes]:
    for name in MINE:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(f"mine: {name}")
    return {name: (out / name).read_bytes() for name in MINE}


def overwrite(folder: Path) -> None:
    RunRecord.begin(*digits_run(folder), overwrite=True)


def test_overwriting_removes_all_that_the_run_wrote_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = recipe.figures
    monkeypatch.setattr(recipe, "figures", lambda *share: islice(drawn(*share), 2))
    write_report(folder / "out")
    assert list((folder / "out" / "figures").glob("*.svg"))
    (folder / "out" / "errors").mkdir()
    (folder / "out" / "errors" / "standard-softmax-replicate-00.txt").write_text("ValueError: no")
    mine = put_mine(folder / "out")
    overwrite(folder)
    assert files(folder / "out").keys() == mine.keys() | {"run.json", ".lock"}
    assert all(files(folder / "out")[name] == content for name, content in mine.items())
    assert json.loads((folder / "out" / "run.json").read_text())["files"] == {}


def test_published_tables_that_were_gzipped_are_removed(folder: Path) -> None:
    plain = folder / "out" / "measurements.csv"
    (folder / "out" / "measurements.csv.gz").write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    plain.unlink()
    overwrite(folder)
    assert {path.name for path in (folder / "out").iterdir()} == {"run.json", ".lock"}


def test_gzipped_tables_without_a_record_are_no_run(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.csv.gz").write_bytes(gzip.compress(b"mine"))
    with pytest.raises(UserError, match=r"holds summary\.csv, which a run would write, but no run"):
        overwrite(tmp_path)


def test_folders_that_are_empty_then_are_removed(folder: Path) -> None:
    overwrite(folder)
    assert {path.name for path in (folder / "out").iterdir()} == {"run.json", ".lock"}


@pytest.mark.usefixtures("quick_stages")
def test_run_ends_with_the_same_files_after_overwriting_among_others(
    folder: Path, finished: Path
) -> None:
    mine = put_mine(folder / "out")
    assert run_stages(*digits_run(folder), overwrite=True) == []
    expected, found = files(finished / "out"), files(folder / "out")
    assert found.keys() == expected.keys() | mine.keys()
    assert {n for n in expected if found[n] != expected[n]} <= {"run.json", ".lock"}


@pytest.mark.parametrize(
    "name",
    ["figures/mine.png", "tables/mine.csv", "predictions/mine.npz", "index.html", "errors/a"],
)
@pytest.mark.parametrize("overwriting", [True, False])
def test_folder_that_never_held_a_run_is_refused_and_left_alone(
    name: str, overwriting: bool, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    with pytest.raises(UserError, match=r"but no run\.json of a run; move it away") as refused:
        RunRecord.begin(*digits_run(tmp_path), overwrite=overwriting)
    assert name.partition("/")[0] in str(refused.value)
    assert "\n" not in str(refused.value)
    assert files(out) == {name: b"mine"}


@pytest.mark.parametrize("content", ['{"name": "mine"}', "[]", "{", "", '{"files": {"a": 1}}'])
def test_run_json_of_something_else_is_refused_and_left_alone(content: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "figures").mkdir(parents=True)
    (out / "figures" / "mine.png").write_text("mine")
    (out / "run.json").write_text(content)
    with pytest.raises(UserError, match=r"run\.json is .*choose another folder with --out"):
        overwrite(tmp_path)
    assert files(out) == {"figures/mine.png": b"mine", "run.json": content.encode()}


@pytest.mark.parametrize(
    "name", ["../mine.txt", "/mine.txt", "figures/../../mine.txt", "mine.txt", "networks/a", "."]
)
def test_list_of_what_no_run_writes_is_not_trusted(name: str, folder: Path) -> None:
    (folder / "mine.txt").write_text("mine")
    path = folder / "out" / "run.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"files": record["files"] | {name: ""}}))
    before = files(folder)
    with pytest.raises(UserError, match="which no run writes"):
        overwrite(folder)
    assert files(folder) == before


def test_run_that_did_not_list_its_files_is_not_guessed_at(folder: Path) -> None:
    path = folder / "out" / "run.json"
    record = json.loads(path.read_text())
    del record["files"]
    path.write_text(json.dumps(record))
    before = files(folder)
    with pytest.raises(UserError, match=r"--overwrite: .* did not list its files; delete them"):
        overwrite(folder)
    assert files(folder) == before


def test_archive_of_a_users_among_the_predictions_stays(folder: Path) -> None:
    store = digits_run(folder).workspace.predictions
    written = store.path(RunUnit("standard", "softmax", None, 0), "clean")
    backup = shutil.copy(written, written.with_name("clean-backup.npz"))
    written.write_bytes(b"damaged, but ours")
    overwrite(folder)
    assert not written.exists()
    assert backup.exists()


@pytest.mark.usefixtures("quick_stages")
def test_file_is_listed_before_it_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the two leaves a name too many, never a file that nobody knows of."""
    seen = []
    replace = Path.replace

    def look(temporary: Path, path: Path) -> Path:
        by_name = {"predictions", FINISHED_FOLDER}
        if path.name != "run.json" and by_name.isdisjoint(path.parts):
            listed = json.loads((folder / "out" / "run.json").read_text())["files"]
            seen.append(listed[path.relative_to(folder / "out").as_posix()])
        return replace(temporary, path)

    overwrite(folder)
    monkeypatch.setattr(Path, "replace", look)
    assert run_stages(*digits_run(folder)) == []
    assert len(seen) > 15
    assert set(seen) == {""}


def run_with(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["run_all.py", *arguments])
    return run_all.command_line()


@pytest.mark.parametrize("option", ["--out", "--networks", "--data-dir"])
@pytest.mark.parametrize("name", ["", "  "])
def test_empty_name_of_a_folder_is_not_the_current_one(
    option: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "mine.png").write_text("mine")
    assert run_with(monkeypatch, "--overwrite", "--task", "digits", option, name) == 2
    shown = capsys.readouterr().err
    assert re.fullmatch(
        f"error: Invalid value for '{option}'[^\n]*: the name is empty; [^\n]+\n", shown
    )
    assert files(tmp_path) == {"figures/mine.png": b"mine"}


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """A file of external predictions."""
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 40, 3, generator=random)
    prediction = StoredPrediction(Prediction.of_logits(logits), torch.arange(40) % 3)
    assert prediction.labels is not None
    members = prediction.prediction.member_probabilities
    assert members is not None
    arrays = {"probabilities": members.numpy(), "labels": prediction.labels.numpy()}
    np.savez(tmp_path / "mine.npz", **arrays, ood_noise=members.flip(1).numpy())
    np.savez(tmp_path / "less.npz", **arrays)
    return tmp_path


def score(monkeypatch: pytest.MonkeyPatch, file: Path, out: Path) -> int:
    arguments = [str(file), "--out", str(out), "--resamples", "100"]
    monkeypatch.setattr(sys, "argv", ["score", *arguments])
    return score_command.command_line()


def test_scoring_again_removes_its_own_stale_tables_alone(
    scored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = scored / "out"
    assert score(monkeypatch, scored / "mine.npz", out) == 0
    first = {path.name for path in (out / "tables").iterdir()}
    (out / "tables" / "mine-self-trained.csv").write_text("mine")
    assert score(monkeypatch, scored / "less.npz", out) == 0
    second = {path.name for path in (out / "tables").iterdir()}
    assert (out / "tables" / "mine-self-trained.csv").read_text() == "mine"
    assert second - {"mine-self-trained.csv"} < first


@pytest.mark.parametrize("name", ["tables/mine.csv", "summary.csv", "measurements.csv"])
def test_scores_do_not_go_where_others_files_are(
    name: str, scored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (scored / "out" / name).parent.mkdir(parents=True)
    (scored / "out" / name).write_text("mine")
    assert score(monkeypatch, scored / "less.npz", scored / "out") == 2
    assert "but no score.json of earlier scores" in capsys.readouterr().err
    assert files(scored / "out") == {name: b"mine"}


@pytest.mark.parametrize("name", ["../mine.txt", "mine.csv", "tables/../../mine-self-trained.csv"])
def test_list_of_tables_that_no_score_writes_is_not_trusted(
    name: str, scored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = scored / "out"
    assert score(monkeypatch, scored / "less.npz", out) == 0
    for path in (scored / "mine.txt", scored / "mine-self-trained.csv", out / "mine.csv"):
        path.write_text("mine")
    record = json.loads((out / "score.json").read_text())
    (out / "score.json").write_text(json.dumps(record | {"tables": [*record["tables"], name]}))
    before = files(scored)
    assert score(monkeypatch, scored / "less.npz", out) == 2
    assert "score.json is damaged" in capsys.readouterr().err
    assert files(scored) == before


def test_nothing_is_removed_through_a_link(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    curves = folder / "out" / "curves"
    names = sorted(path.name for path in curves.iterdir())
    curves.rename(elsewhere / "curves")
    curves.symlink_to(elsewhere / "curves")
    remove_earlier_run(folder / "out")
    assert sorted(path.name for path in curves.iterdir()) == names != []
    assert not (folder / "out" / "summary.csv").exists()
