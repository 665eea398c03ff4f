"""External predictions scored: the guide's example, the suite's own numbers, every bad file."""

from __future__ import annotations

import io
import json
import math
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.inference.comparisons import comparisons_table
from benchmarks.metrics.conformal import KINDS, PredictionSets, thresholds
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.schema import (
    Comparison,
    Measurement,
    in_order,
    read_table,
    table_of,
)
from benchmarks.score import command as score
from benchmarks.score.conditions import LABELLED
from benchmarks.score.files import read_predictions
from benchmarks.score.scoring import Scores
from benchmarks.score.scoring import score as compute
from methods import Prediction
from methods.scores import SCORES
from methods.scores.probabilities import predictive_entropy
from tests.measuring import compared, drawn, every_row
from tests.runs import CONDITIONS

GUIDE = Path(__file__).parents[2] / "docs" / "your-own-model.md"
IMAGES, MEMBERS, CLASSES = 120, 4, 7

Array = NDArray[np.float64]
CommandLine = Callable[..., tuple[int, str, str]]


def members(seed: int, images: int = IMAGES, labels: Array | None = None) -> Array:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(MEMBERS, images, CLASSES))
    if labels is not None:
        logits[:, np.arange(images), labels] += 2
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


LABELS = np.random.default_rng(0).integers(CLASSES, size=IMAGES)
GOOD = members(1, labels=LABELS)
LOGITS = np.random.default_rng(2).normal(size=GOOD.shape)


def changed(array: Array, index: tuple[int, ...], value: float) -> Array:
    other = array.copy()
    other[index] = value
    return other


def scored(array: Array) -> Prediction:
    """With the score that probabilities of members give."""
    prediction, gen = Prediction.of(torch.from_numpy(array)), SCORES["gen"].of
    assert gen is not None
    return replace(prediction, scores={"gen": gen(prediction.member_probabilities)})


def numbers_of(folder: Path, **files: dict[str, Array]) -> Scores:
    """What is computed of a file of arrays a method."""
    for name, arrays in files.items():
        np.savez(folder / f"{name}.npz", labels=LABELS, **arrays)
    external = [read_predictions(folder / f"{name}.npz") for name in files]
    return compute(external, resamples=100, seed=0)


@pytest.fixture
def command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    """Exit status, standard output and standard error of these arguments, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: str, resamples: int | None = 100) -> tuple[int, str, str]:
        fewer = () if resamples is None else ("--resamples", str(resamples))
        monkeypatch.setattr(sys, "argv", ["score", *arguments, *fewer])
        status = score.command_line()
        return status, *capsys.readouterr()

    return call


def guides_example(number: int) -> tuple[str, list[str]]:
    """An example of the guide, and the arguments of its command."""
    text = GUIDE.read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    commands = re.findall(r"```\npython -m benchmarks\.score (.*?)\n```", text)
    return examples[number], shlex.split(commands[number])


def test_guides_example_can_be_scored(command_line: CommandLine, tmp_path: Path) -> None:
    example, arguments = guides_example(0)
    exec(compile(example, GUIDE.name, "exec"), {})
    status, shown, _ = command_line(*arguments)
    assert status == 0
    assert "forest, M = 50" in shown
    assert "Accuracy" in shown
    written = {path.name for path in (tmp_path / "scored").iterdir()}
    assert written >= {
        *("measurements.csv", "summary.csv", "comparisons.csv", "score.json", "nouns.json"),
        *("index.html", "tables", "figures", "curves"),
    }
    figures = {path.name.partition("-self")[0] for path in (tmp_path / "scored").glob("figures/*")}
    assert figures >= {"reliability", "risk-coverage", "roc", "histograms", "entropy-split"}
    summary = read_table(tmp_path / "scored", "summary.csv")
    assert set(summary["condition"]) == {"clean", "ood-noise"}
    accuracy = summary[(summary["metric"] == "accuracy") & (summary["condition"] == "clean")]
    assert 0.85 < accuracy["lower"].iloc[0] < accuracy["value"].iloc[0]
    assert accuracy["value"].iloc[0] < accuracy["upper"].iloc[0] < 1
    table = (tmp_path / "scored" / "tables" / "main.md").read_text(encoding="utf-8")
    assert "500 to 797 images per condition." in table
    assert "recipe" not in table.lower()


def test_guides_own_network_can_be_scored(command_line: CommandLine) -> None:
    example, arguments = guides_example(1)
    names: dict[str, object] = {}
    exec(compile(example, GUIDE.name, "exec"), names)
    status, shown, _ = command_line(*arguments)
    assert status == 0
    assert "digits, M = 50" in shown
    assert names["features"].shape == (1, 797, 576)
    assert names["members"].mean(0).argmax(1).eq(names["labels"][1000:]).double().mean() > 0.8


def test_rows_are_those_of_the_suites_own_methods(tmp_path: Path) -> None:
    ood = members(3, images=50)
    computed = numbers_of(tmp_path, mine={"probabilities": GOOD, "ood_kmnist": ood})
    predictions = {
        CONDITIONS["clean"]: StoredPrediction(scored(GOOD), torch.from_numpy(LABELS)),
        CONDITIONS["ood-kmnist"]: StoredPrediction(scored(ood), None),
    }
    unit, clean = RunUnit("self-trained", "mine", None, 0), predictions[CONDITIONS["clean"]]
    rows = (row for c, stored in predictions.items() for row in every_row(unit, c, stored, clean))
    expected = in_order(table_of(Measurement, rows))
    pd.testing.assert_frame_equal(computed.measurements, expected, check_exact=True)


def test_intervals_and_comparisons_are_those_of_the_suites_own_methods(tmp_path: Path) -> None:
    arrays = {name: (members(n, labels=LABELS), members(n + 9)) for n, name in enumerate("ab")}
    computed = numbers_of(
        tmp_path,
        **{
            name: dict(zip(("probabilities", "ood_kmnist"), arrays[name], strict=True))
            for name in "ab"
        },
    )
    external = read_predictions(tmp_path / "a.npz").predictions
    made = {
        (RunUnit("self-trained", name, None, 0), condition.name): StoredPrediction(
            scored(of_set), torch.from_numpy(LABELS) if condition.labelled else None
        )
        for name, sets in arrays.items()
        for condition, of_set in zip(external, sets, strict=True)
    }
    comparisons = compared(drawn(made, list(external), resamples=100)).comparisons
    expected = comparisons_table(table_of(Comparison, comparisons))
    pd.testing.assert_frame_equal(computed.comparisons, expected, check_exact=True)


def test_numbers_are_those_of_scikit_learn(tmp_path: Path) -> None:
    ood = members(3, images=50)[0]
    table = numbers_of(tmp_path, mine={"probabilities": GOOD[0], "ood_far": ood}).measurements
    assert set(table["members"]) == {"1"}

    def value(metric: str, condition: str = "clean", used: str = "") -> float:
        rows = table[(table["metric"] == metric) & (table["condition"] == condition)]
        return float(rows.loc[rows["score"] == used, "value"].iloc[0])

    assert value("accuracy") == np.mean(GOOD[0].argmax(axis=1) == LABELS)
    assert value("nll") == pytest.approx(log_loss(LABELS, GOOD[0], labels=range(CLASSES)))
    scores = np.concatenate([-GOOD[0].max(axis=1), -ood.max(axis=1)])
    positive = np.arange(len(scores)) >= IMAGES
    auroc = value("auroc", "ood-far", "one_minus_max_probability")
    assert auroc == pytest.approx(roc_auc_score(positive, scores))
    assert np.isnan(value("mutual_information"))


def test_scoring_again_gives_the_same_bytes_and_leaves_nothing_stale(
    command_line: CommandLine, tmp_path: Path
) -> None:
    def contents() -> dict[str, bytes]:
        files = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in files}

    np.savez("mine.npz", probabilities=GOOD, labels=LABELS, ood_far=members(3))
    command_line("mine.npz", "--out", "out")
    assert "roc-self-trained.png" in contents()
    np.savez("mine.npz", probabilities=GOOD, labels=LABELS)
    command_line("mine.npz", "--out", "out")
    again = contents()
    assert "roc-self-trained.png" not in again
    command_line("mine.npz", "--out", "out")
    assert contents() == again
    record = json.loads(again["score.json"])
    assert (record["resamples"], record["seed"], list(record["files"])) == (100, 0, ["mine"])


def test_several_files_are_compared(command_line: CommandLine, tmp_path: Path) -> None:
    np.savez("one.npz", probabilities=GOOD, labels=LABELS)
    np.savez("two.npz", probabilities=members(4)[0], labels=LABELS)
    np.savez("like_one.npz", probabilities=members(6, labels=LABELS), labels=LABELS)
    status, shown, _ = command_line("one.npz", "two.npz", "like_one.npz")
    assert status == 0
    assert re.search(r"Clean\n +like_one, M = 4 +one, M = 4 +two", shown)
    assert re.search(r"Accuracy ↑ .* \? .*", shown)


@pytest.mark.parametrize("kind", ["<f2", "<f4", ">f4", ">f8", "longdouble"])
def test_any_precision_and_byte_order_is_read(kind: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", probabilities=GOOD.astype(kind), labels=LABELS.astype(">i2"))
    read = read_predictions(tmp_path / "a.npz")
    entropy = read.predictions[LABELLED].score("predictive_entropy")
    expected = predictive_entropy(torch.from_numpy(GOOD.mean(axis=0)))
    np.testing.assert_allclose(entropy, expected, atol=5e-3)
    np.testing.assert_array_equal(read.labels, LABELS)


BAD = {
    "images first": (
        {"probabilities": GOOD.transpose(1, 0, 2), "labels": LABELS},
        r"shape \[120, 4, 7\], but there are 120 labels.*axis 0 looks like the images, so save "
        r"probabilities\.transpose\(1, 0, 2\)",
    ),
    "other number of images": (
        {"probabilities": GOOD[:, :100], "labels": LABELS},
        r"shape \[4, 100, 7\], but there are 120 labels; expected \[members, images, classes\]",
    ),
    "logits": (
        {"probabilities": LOGITS, "labels": LABELS},
        r"480 of 480 rows of 'probabilities' are not probabilities; the first \(member 0, "
        r"image 0\) holds -.*logits, save scipy\.special\.softmax\(probabilities, axis=-1\)",
    ),
    "logarithms": (
        {"probabilities": np.log(GOOD), "labels": LABELS},
        r"logarithms, save np\.exp\(probabilities\)",
    ),
    "sum off": (
        {"probabilities": changed(GOOD, (2, 7, 0), GOOD[2, 7, 0] + 0.01), "labels": LABELS},
        r"1 of 480 rows .*\(member 2, image 7\) sums to 1\.01; expected .* save probabilities / "
        r"probabilities\.sum\(axis=-1, keepdims=True\)",
    ),
    "NaN": (
        {"probabilities": changed(GOOD, (1, 5, 3), np.nan), "labels": LABELS},
        r"\(member 1, image 5\) holds nan; expected",
    ),
    "negative": (
        {"probabilities": changed(GOOD, (0, 0, 0), -0.2), "labels": LABELS},
        r"holds -0\.2; expected non-negative numbers",
    ),
    "negative by rounding": (
        {
            "probabilities": changed(np.eye(CLASSES)[LABELS], (0, LABELS[0] - 1), -1e-8),
            "labels": LABELS,
        },
        r"holds -1e-08; .*if this is rounding, save probabilities\.clip\(0\)",
    ),
    "no numbers": (
        {"probabilities": GOOD.astype(str), "labels": LABELS},
        r"type <U\d+; expected floating-point numbers",
    ),
    "no images": ({"probabilities": GOOD[:, :0], "labels": LABELS[:0]}, r"'labels' is empty"),
    "label too large": (
        {"probabilities": GOOD, "labels": np.where(np.arange(IMAGES) == 9, 7, LABELS)},
        r"1 of 120 'labels' are not a class; the first is 7, of image 9; expected 0 to 6$",
    ),
    "counted from 1": (
        {"probabilities": GOOD, "labels": LABELS + 1},
        r"expected 0 to 6: if you count them from 1, save labels - 1",
    ),
    "one-hot labels": (
        {"probabilities": GOOD, "labels": np.eye(CLASSES)[LABELS]},
        r"shape \[120, 7\].*one-hot, save labels\.argmax\(axis=1\)",
    ),
    "labels in a column": (
        {"probabilities": GOOD, "labels": LABELS[:, None]},
        r"shape \[120, 1\].*save labels\.ravel\(\)",
    ),
    "fractional labels": (
        {"probabilities": GOOD, "labels": LABELS + 0.5},
        r"'labels' are float64, not whole numbers.*labels\.astype\(int\)",
    ),
    "no labels": (
        {"probabilities": GOOD},
        r"holds 'probabilities' \[4, 120, 7\]; expected 'probabilities', 'labels' and, for "
        r"out-of-distribution images, 'ood_<name>'; missing: 'labels'; write it with np\.savez",
    ),
    "nothing": ({}, r"holds no array; expected .*; missing: 'probabilities', 'labels'; write"),
    "another name for probabilities": (
        {"softmax": GOOD, "labels": LABELS, "ood_x": GOOD},
        r"; missing: 'probabilities'; rename or leave out: 'softmax'; write",
    ),
    "ood with other members": (
        {"probabilities": GOOD, "labels": LABELS, "ood_far": GOOD[:2]},
        r"'ood_far' has the shape \[2, 120, 7\]; expected .* with 4 members and 7 classes",
    ),
    "no out-of-distribution images": (
        {"probabilities": GOOD, "labels": LABELS, "ood_far": GOOD[:, :0]},
        r"'ood_far' is empty",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_file_is_refused_in_one_line_with_what_to_do(
    kind: str, command_line: CommandLine, tmp_path: Path
) -> None:
    arrays, message = BAD[kind]
    np.savez("bad.npz", **arrays)
    status, shown, error = command_line("bad.npz", "--out", "out")
    assert (status, shown) == (2, "")
    assert re.fullmatch(r"error: bad\.npz: [^\n]+\n", error)
    assert re.search(message, error.strip())
    assert not (tmp_path / "out").exists()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, GOOD)
    return file.getvalue()


def npz(**arrays: Array) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def checkpoint() -> bytes:
    file = io.BytesIO()
    torch.save({"labels": torch.tensor([1])}, file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an .npz file"),
        (b"image,label\n", "not an .npz file"),
        (npy(), r"one array \(\.npy\) without labels"),
        (
            npz(probabilities=GOOD, labels=LABELS)[:-200],
            "not an .npz file of numbers, or it is damaged",
        ),
        (checkpoint(), "not an .npz file"),
    ],
    ids=["empty", "text", "npy", "cut off", "torch"],
)
def test_file_that_is_no_npz_is_refused(
    content: bytes, message: str, command_line: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    status, _, error = command_line("bad.npz")
    assert status == 2
    assert re.fullmatch(r"error: bad\.npz: [^\n]+\n", error)
    assert re.search(message, error)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.npz"], "none.npz: the file cannot be read .No such file"),
        (["."], "the file cannot be read .Is a directory"),
        ([], "[Mm]issing argument"),
        (["a.npz", "--seed", "-1"], "--seed: -1 is negative"),
        (["a.npz", "--resamples", "9"], "--resamples: 9 is too small"),
        (["a.npz", "--out", "run"], "--out run: this folder holds a run of the suite"),
        (["a.npz", "--out", "a.npz"], "--out a.npz: this is a file; name a folder"),
        (["a.npz", "sub/a.npz"], "two files are called 'a'; rename one"),
        (["a.npz", "shuffled.npz"], "'a' and 'shuffled' have different labels"),
        (["a.npz", "fewer.npz"], "'a' and 'fewer' hold different images .120 clean and 100 clean"),
    ],
    ids=lambda external: " ".join(external) if isinstance(external, list) else "",
)
def test_mistake_is_one_line(
    arguments: list[str], message: str, command_line: CommandLine, tmp_path: Path
) -> None:
    for folder in ("run", "sub"):
        (tmp_path / folder).mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    np.savez("a.npz", probabilities=GOOD, labels=LABELS)
    np.savez("sub/a.npz", probabilities=GOOD, labels=LABELS)
    np.savez("shuffled.npz", probabilities=GOOD[:, ::-1], labels=LABELS[::-1])
    np.savez("fewer.npz", probabilities=GOOD[:, :100], labels=LABELS[:100])
    status, _, error = command_line(*arguments, resamples=None)
    assert status == 2
    assert re.fullmatch(r"error: [^\n]+\n", error)
    assert re.search(message, error)


HELD_OUT = np.random.default_rng(5).integers(CLASSES, size=120)
CALIBRATION = {
    "calibration_probabilities": members(6, images=120, labels=HELD_OUT),
    "calibration_labels": HELD_OUT,
}


def test_calibration_predictions_give_sets_and_recalibrated_metrics(tmp_path: Path) -> None:
    computed = numbers_of(tmp_path, mine={"probabilities": GOOD, **CALIBRATION})
    summary = computed.summary.set_index("metric")["value"]
    mean = torch.from_numpy(GOOD.mean(axis=0))
    fitted = thresholds(
        torch.from_numpy(CALIBRATION["calibration_probabilities"].mean(axis=0)),
        torch.from_numpy(HELD_OUT),
    )
    sets = PredictionSets(mean, torch.from_numpy(LABELS), fitted)
    for kind in KINDS:
        expected = sets.cover(kind, 95).double().mean().item()
        assert summary[f"{kind.name}_coverage_95"] == pytest.approx(expected)
    assert math.isfinite(summary["nll_recalibrated"])


def test_without_calibration_predictions_sets_are_unavailable(tmp_path: Path) -> None:
    summary = numbers_of(tmp_path, mine={"probabilities": GOOD}).summary
    row = summary.set_index("metric").loc["lac_size_99"]
    assert row["status"] == "unavailable"
    assert row["reason"] == "there are no predictions of calibration images"


def test_members_have_the_generalised_entropy(tmp_path: Path) -> None:
    ood = members(3, images=50)
    rows = numbers_of(tmp_path, mine={"probabilities": GOOD, "ood_kmnist": ood}).measurements
    assert rows.loc[(rows["score"] == "gen") & (rows["metric"] == "auroc"), "value"].notna().sum()
    assert not {"energy", "knn"} & set(rows["score"].dropna())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"calibration_labels": None}, "save 'calibration_labels', too, or leave out both"),
        ({"calibration_labels": HELD_OUT + 0.5}, "'calibration_labels' are float64"),
        (
            {"calibration_probabilities": 2 * CALIBRATION["calibration_probabilities"]},
            "rows of 'calibration_probabilities' are not probabilities",
        ),
    ],
)
def test_bad_calibration_predictions_are_refused(
    changes: dict[str, Array | None], message: str, command_line: CommandLine
) -> None:
    arrays = {name: one for name, one in (CALIBRATION | changes).items() if one is not None}
    np.savez("mine.npz", probabilities=GOOD, labels=LABELS, **arrays)
    status, _, error = command_line("mine.npz")
    assert status == 2
    assert message in " ".join(error.split())
