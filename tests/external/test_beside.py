"""Predictions of others beside the methods of a run, of which it keeps four numbers an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.api import ArgumentError, images_beside, score_beside, score_predictions
from benchmarks.beside import RunBeside, score_files_beside
from benchmarks.inference.headline import ImageColumns, packed_columns, unpacked_columns
from benchmarks.io import UserError
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.report.tables.declared import LEADERBOARD
from benchmarks.report.tables.pivot import table_of
from benchmarks.run.headline import write_headline
from benchmarks.run.reading import read_prediction
from benchmarks.schema import packed, read_table, unpacked
from methods import Prediction
from tests.external.test_arrays import write_vast
from tests.processes import status_of
from tests.runs import DIGITS, lose_predictions, run_of

KEY = ["method", "members", "budget", "condition", "metric", "score"]


def probabilities(images: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(10, 0.3), size=images)


@pytest.fixture(scope="module")
def mine(digits_run: Path) -> dict[str, np.ndarray]:
    """Predictions of all conditions, as of another method."""
    images = images_beside(digits_run / "out")
    return {name: probabilities(len(own), seed) for seed, (name, own) in enumerate(images.items())}


def test_four_numbers_give_the_measures_of_the_run(digits_run: Path) -> None:
    out = digits_run / "out"
    of_run = read_table(out, "measurements.csv").query("replicate == 0")
    beside = score_beside(out, {"mine": {"clean": probabilities(100)}}).measurements
    both = beside.merge(of_run, on=KEY, suffixes=("", "_run")).dropna(subset="value")
    assert set(both["method"]) == set(DIGITS.methods)
    assert set(both["condition"]) == {*DIGITS.conditions, "rotated-mean"}
    assert {"accuracy", "nll", "ece", "augrc", "auroc"} <= set(both["metric"])
    apart = (both["value"] - both["value_run"]).abs()
    headline = both["metric"].isin(["accuracy", "nll", "augrc", "auroc"])
    assert apart[headline].max() < 1e-3
    # Rounding may put an image into another bin, or to the other side of a threshold.
    assert apart.max() < 0.05


def test_others_have_the_values_that_they_have_alone(
    digits_run: Path, mine: dict[str, np.ndarray]
) -> None:
    beside = score_beside(digits_run / "out", {"mine": mine}).summary.query("method == 'mine'")
    labels = read_labels(digits_run)
    alone = score_predictions({"mine": mine["clean"]}, labels).summary
    both = beside.query("condition == 'clean'").merge(alone, on=KEY)
    both = both[both["metric"].isin(["accuracy", "nll", "augrc"])]  # others draw images anew
    assert len(both) == 3
    for column in ("value", "lower", "upper"):
        np.testing.assert_allclose(both[f"{column}_x"], both[f"{column}_y"], rtol=1e-3)


def read_labels(digits_run: Path) -> torch.Tensor:
    run = run_of(DIGITS, digits_run)
    stored = read_prediction(*run, RunUnit("softmax", None, 1.0, 0), "clean")
    assert stored is not None
    assert stored.labels is not None
    return stored.labels


@pytest.mark.parametrize(("method", "size"), [("softmax", None), ("deep_ensemble", 2)])
def test_a_method_of_the_run_does_not_differ_from_itself(
    method: str, size: int | None, digits_run: Path
) -> None:
    run, unit = run_of(DIGITS, digits_run), RunUnit(method, size, float(size or 1), 0)
    stored = {name: read_prediction(*run, unit, name) for name in DIGITS.conditions}
    means = {name: each.prediction.mean for name, each in stored.items() if each}
    results = score_beside(digits_run / "out", {"mine": means})
    worth = results.worth.query("method == 'mine' and status == 'ok'")
    assert set(worth["worth"]) == {str(size or 1)}
    sides, pair = ["method", "other_method"], {"mine", method}
    pairs = results.comparisons[[{*each} == pair for each in results.comparisons[sides].to_numpy()]]
    members = pairs["members"].where(pairs["method"] == method, pairs["other_members"])
    budgets = pairs["budget"].where(pairs["method"] == method, pairs["other_budget"])
    same = pairs[(members == str(size or 1)) & (budgets == unit.budget)]
    assert len(same) > 10
    assert set(same["difference"]) == {0.0}


def test_a_mean_needs_all_conditions(digits_run: Path, mine: dict[str, np.ndarray]) -> None:
    part = {name: mine[name] for name in ("clean", "rotated-030")}
    summary = score_beside(digits_run / "out", {"mine": part}).summary.query("method == 'mine'")
    assert set(summary["condition"]) == {"clean", "rotated-030"}


def test_members_and_logits_are_taken(digits_run: Path) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(3, 100, 10)).astype(np.float16)
    logits[:, 0, 1:] = -np.inf  # an infinite likelihood, unless the first label is 0
    results = score_beside(digits_run / "out", {"mine": {"clean": logits}}, from_logits=True)
    own = results.summary.query("method == 'mine'").set_index("metric")
    alone = score_predictions({"mine": logits}, read_labels(digits_run), from_logits=True).summary
    alone = alone[alone["metric"].isin(["accuracy", "nll"])].set_index("metric")["value"]
    assert set(own["members"]) == {"3"}
    for metric, value in alone.items():
        assert own.loc[metric, "value"] == pytest.approx(value, rel=1e-3)


def test_the_leaderboard_has_every_method_of_others(
    digits_run: Path, mine: dict[str, np.ndarray]
) -> None:
    names = [f"mine_{number}" for number in range(14)]
    results = score_beside(digits_run / "out", {n: {"clean": mine["clean"]} for n in names})
    assert results.report is not None
    board = table_of(LEADERBOARD, results.report)
    assert board is not None
    assert set(names) <= {row.labels[0] for row in board.rows}


def test_files_are_scored_as_arrays_are(
    digits_run: Path, mine: dict[str, np.ndarray], tmp_path: Path
) -> None:
    names = {"clean": "probabilities", "ood-uniform_noise": "ood_uniform_noise"}
    named = {names.get(name, name): array for name, array in mine.items()}
    np.savez(tmp_path / "mine.npz", labels=read_labels(digits_run).numpy(), **named)
    of_file = score_files_beside(digits_run / "out", [tmp_path / "mine.npz"], out=tmp_path / "out")
    of_arrays = score_beside(digits_run / "out", {"mine": mine})
    pd.testing.assert_frame_equal(of_file.summary, of_arrays.summary)
    board = (tmp_path / "out" / "tables" / "leaderboard.md").read_text(encoding="utf-8")
    assert "| mine |" in board
    assert "ensemble, each; ± leaves out how these differ" in board
    figure = (tmp_path / "out" / "figures" / "quality.svg").read_text(encoding="utf-8")
    assert "mine (not timed)" in figure


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "there is no array 'clean'"),
        ({"clean": probabilities(99)}, r"has the shape \[99, 10\]; expected .* and the 100 images"),
        ({"clean": probabilities(100)[:, :9]}, "with 10 classes"),
        ({"clean": probabilities(100)[:, 0]}, r"\[100\]; expected \[members, images, classes\]"),
        ({"clean": np.full((100, 10), np.nan)}, "not probabilities"),
        ({"clean": 2 * probabilities(100)}, "not probabilities"),
        ({"clean": probabilities(100), "corrupted-fog": probabilities(100)}, "is no condition of"),
        ({"clean": probabilities(100), "labels": np.zeros(100, int)}, "not those of the run's"),
        ({"clean": probabilities(100), "labels": np.eye(100)}, "one class per image"),
        ({"clean": probabilities(100), "probabilities": probabilities(100)}, "two arrays are of"),
        (
            {"clean": probabilities(100)[None].repeat(3, 0), "rotated-030": probabilities(100)},
            "1 to 3 members; expected as many in each",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    given: dict[str, np.ndarray], message: str, digits_run: Path
) -> None:
    with pytest.raises(ArgumentError, match=message):
        score_beside(digits_run / "out", {"mine": given})


def test_names_of_methods_are_checked(
    digits_run: Path, mine: dict[str, np.ndarray], tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match=r"'softmax' is a method of .*; rename yours"):
        score_beside(digits_run / "out", {"softmax": mine})
    with pytest.raises(ArgumentError, match="expected at least one method"):
        score_beside(digits_run / "out", {})
    score_beside(digits_run / "out", {"swag": {"clean": mine["clean"]}})  # the run has none
    files = [tmp_path / "mine.npz", tmp_path / "other" / "mine.npz"]
    files[1].parent.mkdir()
    for file in files:
        np.savez(file, **mine)
    with pytest.raises(UserError, match="two files are called 'mine'"):
        score_files_beside(digits_run / "out", files)
    with pytest.raises(UserError, match="--resamples"):
        score_files_beside(digits_run / "out", files[:1], resamples=3)


def test_command_compares_with_a_run_and_refuses_other_files(
    digits_run: Path,
    mine: dict[str, np.ndarray],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "mine.npz"
    np.savez(file, **mine)
    beside = ("score", file, "--beside", digits_run / "out")
    assert status_of(*beside) == 0
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines()].count("mine") == 1  # a row a method
    assert not {*"\\*"} & {*shown}
    assert status_of(*beside, "--ood", f"noise={file}") == 2
    assert "--ood: with --beside, a file holds all predictions" in capsys.readouterr().err


def test_a_folder_without_numbers_of_images_is_refused(digits_copy: Path) -> None:
    out = digits_copy / "out"
    whole = (out / "headline.npz").read_bytes()
    arrays = unpacked(whole)
    damaged = [
        whole[:1000],
        packed({**arrays, "methods": arrays["methods"][1:]}),
        packed({**arrays, "methods": np.char.replace(arrays["methods"], "softmax", "x/../../y")}),
        packed({**arrays, "labels clean": arrays["labels clean"][1:]}),
        packed({name: array for name, array in arrays.items() if name != "right clean"}),
        packed({**arrays, "right clean": arrays["right clean"].astype(float)}),
        packed({**arrays, "conditions": arrays["conditions"][1:]}),
    ]
    write_vast(out / "vast.npz")
    for content in (*damaged, (out / "vast.npz").read_bytes()):
        (out / "headline.npz").write_bytes(content)
        with pytest.raises(ArgumentError, match=r"headline.npz is damaged, or of another version"):
            images_beside(out)
    (out / "headline.npz").write_bytes(whole)
    (out / "run.json").unlink()
    with pytest.raises(ArgumentError, match=r"there is no run.json, which says which images"):
        images_beside(out)
    (out / "headline.npz").unlink()
    with pytest.raises(ArgumentError, match=r"there is no headline.npz; name the folder of a run"):
        images_beside(out)


def test_of_many_images_the_first_are_kept(
    monkeypatch: pytest.MonkeyPatch, digits_copy: Path
) -> None:
    run = run_of(DIGITS, digits_copy)
    for module in ("benchmarks.inference.headline", "benchmarks.run.headline", "benchmarks.beside"):
        monkeypatch.setattr(f"{module}.MOST_IMAGES", 30)
    lose_predictions(digits_copy / "out", "*", "replicate-00")
    write_headline(*run)
    out = digits_copy / "out"
    kept = RunBeside.read(out)
    assert set(kept.images.values()) == {30}
    assert {own.method for own in kept.methods} == {*DIGITS.methods}
    images = images_beside(out)
    assert {len(own) for own in images.values()} == {30}
    predictions = {name: probabilities(30) for name in images}
    assert len(score_beside(out, {"mine": predictions}).summary)


def test_columns_are_kept_in_half_precision() -> None:
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (50,), generator=random)
    columns = []
    for temperature in (0.1, 3.0):
        logits = torch.randn((1, 50, 10), generator=random) / temperature
        prediction = Prediction.of_logits(logits)
        columns.append(ImageColumns.of(StoredPrediction(prediction, labels)))
    arrays = packed_columns("clean", columns)
    for before, after in zip(
        columns, unpacked_columns(arrays, "clean", labelled=True), strict=True
    ):
        assert before.right is not None
        np.testing.assert_array_equal(before.right, after.right)
        for kept, read in zip(before, after, strict=True):
            np.testing.assert_allclose(kept, read, rtol=1e-3, atol=1e-7)
    arrays = packed_columns("noise", [ImageColumns(columns[0].entropy)])
    (unlabelled,) = unpacked_columns(arrays, "noise", labelled=False)
    assert unlabelled.right is None
