"""Predictions in files that NumPy, PyTorch, Lightning and pandas wrote, as in an .npz."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from benchmarks.io import UserError
from benchmarks.score import command as score
from benchmarks.score.conditions import LABELLED
from benchmarks.score.external_predictions import ExternalPredictions
from benchmarks.score.files import FilesBeside, read_predictions

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(5, size=70)
LOGITS = RANDOM.normal(size=(3, 70, 5)) + 2 * np.eye(5)[LABELS]
FAR_LOGITS = RANDOM.normal(size=(3, 30, 5))


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


GOOD, FAR = softmax(LOGITS), softmax(FAR_LOGITS)

Write = Callable[[np.ndarray, str], None]


def write_batches(array: np.ndarray, name: str) -> None:
    """As `lightning.Trainer.predict` returns them: a list of what each batch gave."""
    torch.save(list(torch.tensor(array).split(32, dim=-2)), name)


def write_members(array: np.ndarray, name: str) -> None:
    """A row an image and member, with pandas' index."""
    frames = [pd.DataFrame(one).assign(member=number) for number, one in enumerate(array)]
    pd.concat(frames).to_csv(name)


WRITERS: dict[str, tuple[str, Write]] = {
    "numpy": ("mine.npy", lambda array, name: np.save(name, array)),
    "numpy in Fortran's order": (
        "mine.npy",
        lambda array, name: np.save(name, np.asfortranarray(array)),
    ),
    "torch": ("mine.pt", lambda array, name: torch.save(torch.tensor(array), name)),
    "torch with a gradient": (
        "mine.pth",
        lambda array, name: torch.save(nn.Parameter(torch.tensor(array)), name),
    ),
    "batches": ("mine.pt", write_batches),
    "pandas": ("mine.csv", write_members),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def archived() -> ExternalPredictions:
    np.savez("mine.npz", probabilities=GOOD, labels=LABELS, ood_far=FAR)
    return read_predictions(Path("mine.npz"))


def same(one: ExternalPredictions, other: ExternalPredictions) -> bool:
    """The same labels, and of each image the same probabilities, by two of their functions."""
    assert one.predictions.keys() == other.predictions.keys()
    return torch.equal(one.labels, other.labels) and all(
        values.members == other.predictions[condition].members
        and torch.allclose(
            values.score(name), other.predictions[condition].score(name), atol=1e-6, equal_nan=True
        )
        for condition, values in one.predictions.items()
        for name in ("predictive_entropy", "mutual_information")
    )


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("from_logits", [False, True])
def test_file_of_a_library_is_read_as_an_archive_is(
    writer: str, from_logits: bool, archived: ExternalPredictions
) -> None:
    name, write = WRITERS[writer]
    write(LOGITS if from_logits else GOOD, name)
    far = f"far{Path(name).suffix}"
    write(FAR_LOGITS if from_logits else FAR, far)
    np.save("labels.npy", LABELS)
    beside = FilesBeside(labels=Path("labels.npy"), ood={"far": Path(far)})
    found = read_predictions(Path(name), beside, from_logits=from_logits)
    assert same(found, archived)
    assert found.method == "mine"


def test_one_member_has_two_axes() -> None:
    np.savez("a.npz", probabilities=GOOD[0], labels=LABELS)
    frame = pd.DataFrame(GOOD[0], columns=list("abcde"))
    frame.assign(label=LABELS).to_csv("b.csv", index=False)
    write_batches(GOOD[0], "c.pt")
    pairs = zip(torch.tensor(GOOD[0]).split(32), torch.tensor(LABELS).split(32), strict=True)
    torch.save([*pairs], "d.pt")
    torch.save({"probabilities": torch.tensor(GOOD[0]), "labels": torch.tensor(LABELS)}, "e.pt")
    pd.Series(LABELS, name="label").to_csv("labels.csv")
    labels = FilesBeside(labels=Path("labels.csv"))
    expected = read_predictions(Path("a.npz"))
    for name, beside in (("b.csv", None), ("c.pt", labels), ("d.pt", None), ("e.pt", None)):
        assert same(read_predictions(Path(name), beside), expected), name


def test_names_of_classes_may_count_from_one() -> None:
    for first in (0, 1):
        names = [f"class {number}" for number in range(first, first + 5)]
        pd.DataFrame(GOOD[0], columns=names).assign(label=LABELS).to_csv(f"from{first}.csv")
    assert same(*(read_predictions(Path(f"from{first}.csv")) for first in (0, 1)))


def test_columns_may_be_separated_by_commas_and_spaces() -> None:
    frame = pd.DataFrame(GOOD[0], columns=list("abcde")).assign(label=LABELS)
    frame.to_csv("tight.csv", index=False)
    Path("wide.csv").write_text(Path("tight.csv").read_text().replace(",", ", "))
    assert same(*(read_predictions(Path(name)) for name in ("tight.csv", "wide.csv")))


def test_labels_may_come_from_a_file_of_predictions() -> None:
    np.savez("first.npz", labels=LABELS, probabilities=GOOD)
    np.save("mine.npy", GOOD)
    found = read_predictions(Path("mine.npy"), FilesBeside(labels=Path("first.npz")))
    assert found.labels.tolist() == LABELS.tolist()


def test_half_precision_of_pytorch_is_read() -> None:
    torch.save(torch.tensor(LOGITS).to(torch.bfloat16), "mine.pt")
    np.save("labels.npy", LABELS)
    found = read_predictions(
        Path("mine.pt"), FilesBeside(labels=Path("labels.npy")), from_logits=True
    )
    assert found.predictions[LABELLED].members == 3


@pytest.mark.parametrize("held", [True, False])
def test_calibration_file_may_hold_its_labels(held: bool) -> None:
    np.save("mine.npy", GOOD)
    np.save("labels.npy", LABELS)
    names = {"probabilities": torch.tensor(FAR), "labels": torch.tensor(LABELS[:30])}
    torch.save(names if held else names["probabilities"], "held.pt")
    torch.save(names["labels"], "held_labels.pt")
    beside = FilesBeside(
        labels=Path("labels.npy"),
        calibration=Path("held.pt"),
        calibration_labels=None if held else Path("held_labels.pt"),
    )
    found = read_predictions(Path("mine.npy"), beside)
    assert found.predictions[LABELLED].calibrated


class Other:
    """What no one unpacks."""


def write_text(text: str) -> Callable[[str], object]:
    return lambda name: Path(name).write_text(text)


ROW = ",".join(["0.2"] * 5)

BAD: dict[str, tuple[str, Callable[[str], object], str]] = {
    "objects of Python": (
        "a.npy",
        lambda name: np.save(name, np.array([{}]), allow_pickle=True),
        "not an .npy file of numbers",
    ),
    "objects of PyTorch": (
        "a.pt",
        lambda name: torch.save([Other()], name),
        "not a file of tensors, or it is damaged; write it with torch.save",
    ),
    "no .pt": ("a.pt", write_text("text"), "not a file of tensors"),
    "text in .pt": (
        "a.pt",
        lambda name: torch.save({"probabilities": "x"}, name),
        "'probabilities' is a str; expected a tensor, a list",
    ),
    "unequal batches": (
        "a.pt",
        lambda name: torch.save([torch.ones(2, 5), torch.ones(2, 4)], name),
        r"batches of 'probabilities' have the shapes \[2, 5\] and others, such as \[2, 4\]",
    ),
    "text in .csv": ("a.csv", write_text("0,1\n0.5,half\n"), "the column '1' holds no numbers"),
    "decimal commas": (
        "a.csv",
        write_text("0;1\n0,5;0,5\n"),
        "rows have more cells than the first row has names of columns; expected columns that are",
    ),
    "semicolons": (
        "a.csv",
        write_text("0;1\n0.5;0.5\n"),
        "the column '0;1' holds no numbers; expected .* separated by commas; write it with pandas",
    ),
    "columns of one name": (
        "a.csv",
        write_text("0,1,1\n0.5,0.25,0.25\n"),
        "a column is called '1.1'; expected names of the columns in the first row, each once",
    ),
    "labels without a name": ("a.csv", write_text("2\n1\n0\n"), "the only column is called '2'"),
    "missing label": (
        "a.csv",
        write_text("0,1,label\n0.5,0.5,1\n0.5,0.5,\n"),
        "the column 'label' has an empty cell, first in row 1; expected a whole number in each",
    ),
    "two columns of labels": (
        "a.csv",
        write_text("0,1,label,labels\n0.5,0.5,1,0\n"),
        "the file has both columns label and labels; leave out one",
    ),
    "classes sorted as text": (
        "a.csv",
        write_text("class_0,class_1,class_10,class_2\n0.25,0.25,0.25,0.25\n"),
        "columns of the classes are class_0, class_1, class_10, class_2…; expected 0 to 3 in this",
    ),
    "unequal members": (
        "a.csv",
        write_text(f"member,0,1,2,3,4\n0,{ROW}\n0,{ROW}\n1,{ROW}\n"),
        "members have from 1 to 2 rows",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_file_is_one_line(case: str) -> None:
    name, write, message = BAD[case]
    write(name)
    np.save("labels.npy", LABELS)
    with pytest.raises(UserError, match=f"^{name}: .*{message}") as raised:
        read_predictions(Path(name), FilesBeside(labels=Path("labels.npy")))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["a.npy", "a.pt", "a.csv"])
def test_missing_file_is_one_line(name: str) -> None:
    with pytest.raises(UserError, match=f"^{name}: the file cannot be read"):
        read_predictions(Path(name))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mine.npy"], "mine.npy: .*missing: 'labels'; .*name the file of the labels by --labels"),
        (["mine.npy", "--labels", "no.npy"], "no.npy: the file cannot be read"),
        (["mine.npy", "--labels", "labels.npy", "--ood", "far"], "--ood: 'far' is no NAME=FILE"),
        (
            ["mine.npy", "other.npy", "--labels", "labels.npy", "--ood", "far=far.npy"],
            "--ood far is given 1 times for 2 methods; give one file for each",
        ),
        (["mine.npz", "--labels", "labels.npy"], "labels.npy: 'labels' is given twice"),
        (["logits.npy", "--labels", "labels.npy"], "logits.npy: .*say so by --from-logits"),
        (
            ["mine.npy", "--labels", "labels.npy", "--from-logits"],
            "mine.npy: all rows of 'probabilities' sum to 1.*leave out --from-logits",
        ),
        (
            ["mine.npy", "--labels", "labels.npy", "--calibration", "far.npy"],
            "mine.npy: the file holds one of .*save 'calibration_labels'",
        ),
    ],
)
def test_mistake_on_the_command_line_is_one_line(
    arguments: list[str],
    message: str,
    archived: ExternalPredictions,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, array in {"mine": GOOD, "other": GOOD, "logits": LOGITS, "far": FAR}.items():
        np.save(f"{name}.npy", array)
    np.save("labels.npy", LABELS)
    monkeypatch.setattr(sys, "argv", ["score", *arguments])
    assert score.command_line() == 2
    assert re.fullmatch(f"error: {message}.*\n", capsys.readouterr().err)


def test_options_give_the_files_beside(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("one.npy", LOGITS)
    torch.save(torch.tensor(LOGITS[:, :, ::1] * 0.5), "two.pt")
    np.save("far_one.npy", FAR_LOGITS)
    write_members(FAR_LOGITS * 0.5, "far_two.csv")
    pd.Series(LABELS).to_csv("labels.csv", index=False)
    options = ["--labels", "labels.csv", "--from-logits", "--ood", "far=far_one.npy"]
    options += ["--ood", "far=far_two.csv", "--resamples", "100", "--out", "scored"]
    monkeypatch.setattr(sys, "argv", ["score", "one.npy", "two.pt", *options])
    assert score.command_line() == 0
    assert "two, M = 3" in capsys.readouterr().out
    summary = pd.read_csv("scored/summary.csv")
    assert set(summary["condition"]) == {"clean", "ood-far"}
    for method, factor in (("one", 1), ("two", 0.5)):
        mean = softmax(factor * LOGITS).mean(axis=0)
        chosen = summary[(summary["method"] == method) & (summary["metric"] == "nll")]
        (found,) = chosen[chosen["condition"] == "clean"]["value"]
        assert found == pytest.approx(-np.log(mean[np.arange(70), LABELS]).mean(), abs=1e-6)
