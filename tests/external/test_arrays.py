"""Predictions that NumPy, PyTorch, Lightning and pandas wrote, and what is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.lib.format import write_array_header_1_0

from benchmarks.intake.given import score_files
from benchmarks.intake.reading import LABELLED, GivenPredictions, read_predictions
from benchmarks.io import UserError

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(5, size=70)
LOGITS = RANDOM.normal(size=(3, 70, 5)) + 2 * np.eye(5)[LABELS]
FAR_LOGITS = RANDOM.normal(size=(3, 30, 5))


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


GOOD, FAR = softmax(LOGITS), softmax(FAR_LOGITS)

Write = Callable[[np.ndarray, str], object]


@pytest.fixture(autouse=True)
def labels_file(folder: Path) -> None:
    np.save("labels.npy", LABELS)


def read(name: str, *, from_logits: bool = False, **further: str) -> GivenPredictions:
    """Of a file, and of further ones by the names of the arrays that they hold."""
    files = {array: Path(file) for array, file in further.items()}
    return read_predictions(Path(name), files, from_logits=from_logits)


def assert_same(first: GivenPredictions, second: GivenPredictions) -> None:
    """The same labels, and of each image the same probabilities, by two of their functions."""
    assert torch.equal(first.labels, second.labels)
    assert first.predictions.keys() == second.predictions.keys()
    for condition, values in first.predictions.items():
        others = second.predictions[condition]
        assert values.members == others.members
        for name in ("predictive_entropy", "mutual_information"):
            torch.testing.assert_close(
                values.score(name), others.score(name), atol=1e-6, rtol=0, equal_nan=True
            )


def write_members(array: np.ndarray, name: str) -> None:
    """A row an image and member, with pandas' index."""
    frames = [pd.DataFrame(rows).assign(member=number) for number, rows in enumerate(array)]
    pd.concat(frames).to_csv(name)


WRITERS: dict[str, tuple[str, Write]] = {
    "numpy": ("mine.npy", lambda array, name: np.save(name, array)),
    "Fortran's order": ("mine.npy", lambda array, name: np.save(name, np.asfortranarray(array))),
    "pandas": ("mine.csv", write_members),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("from_logits", [False, True])
def test_file_of_a_library_is_read_as_an_archive_is(writer: str, from_logits: bool) -> None:
    np.savez("archive.npz", probabilities=GOOD, labels=LABELS, ood_far=FAR)
    name, write = WRITERS[writer]
    write(LOGITS if from_logits else GOOD, name)
    far = f"far{Path(name).suffix}"
    write(FAR_LOGITS if from_logits else FAR, far)
    given = read(name, labels="labels.npy", ood_far=far, from_logits=from_logits)
    assert_same(given, read("archive.npz"))
    assert given.method == "mine"


def test_one_member_has_two_axes() -> None:
    np.savez("a.npz", probabilities=GOOD[0], labels=LABELS)
    frame = pd.DataFrame(GOOD[0], columns=list("abcde")).assign(label=LABELS)
    frame.to_csv("b.csv", index=False)
    Path("wide.csv").write_text(Path("b.csv").read_text().replace(",", ", "))
    for name in ("b.csv", "wide.csv"):
        assert_same(read(name), read("a.npz"))
    np.save("c.npy", GOOD[0])
    pd.Series(LABELS, name="label").to_csv("labels.csv")
    assert_same(read("c.npy", labels="labels.csv"), read("a.npz"))
    assert_same(read("c.npy", labels="a.npz"), read("a.npz"))


def test_names_of_classes_may_count_from_one() -> None:
    for first in (0, 1):
        names = [f"class {number}" for number in range(first, first + 5)]
        pd.DataFrame(GOOD[0], columns=names).assign(label=LABELS).to_csv(f"from{first}.csv")
    assert_same(read("from0.csv"), read("from1.csv"))


@pytest.mark.parametrize("kind", ["<f2", "<f4", ">f4", ">f8", "longdouble"])
def test_any_precision_and_byte_order_is_read(kind: str) -> None:
    np.savez("a.npz", probabilities=GOOD, labels=LABELS.astype(">i2"))
    np.save("b.npy", GOOD.astype(kind))
    given = read("b.npy", labels="labels.npy")
    expected = read("a.npz").predictions[LABELLED].score("predictive_entropy")
    entropy = given.predictions[LABELLED].score("predictive_entropy")
    torch.testing.assert_close(entropy, expected, atol=1e-2, rtol=0)


@pytest.mark.parametrize("held", [True, False])
def test_calibration_file_may_hold_its_labels(held: bool) -> None:
    np.save("mine.npy", GOOD)
    names = {"probabilities": FAR, "labels": LABELS[:30]}
    np.savez("held.npz", **(names if held else {"probabilities": FAR}))
    np.save("held_labels.npy", names["labels"])
    further = {"labels": "labels.npy", "calibration_probabilities": "held.npz"}
    further |= {} if held else {"calibration_labels": "held_labels.npy"}
    given = read("mine.npy", **further)
    assert given.predictions[LABELLED].calibrated


def changed(array: np.ndarray, value: float, member: int = 1, image: int = 5) -> np.ndarray:
    """With another probability of the class 3 of an image."""
    other = array.copy()
    other[member, image, 3] = value
    return other


def test_probability_that_rounding_leaves_below_0_counts_as_0() -> None:
    certain = np.eye(5)[[LABELS] * 3] * 1.0
    certain[:, LABELS == 3] = np.eye(5)[0]
    np.savez("exact.npz", probabilities=certain, labels=LABELS)
    np.savez("rounded.npz", probabilities=changed(certain, -1e-12), labels=LABELS)
    assert_same(read("rounded.npz"), read("exact.npz"))


def test_logit_of_minus_infinity_is_the_probability_0() -> None:
    np.save("infinite.npy", changed(LOGITS, -np.inf))
    np.save("low.npy", changed(LOGITS, -1000))
    infinite, low = (
        read(name, labels="labels.npy", from_logits=True) for name in ("infinite.npy", "low.npy")
    )
    assert_same(infinite, low)


SHAPE = (
    r"'{}' has the shape \[.*\] and the type \S+; expected numbers \[members, images, classes\].*"
)

BAD_ARRAYS: dict[str, tuple[dict[str, np.ndarray], str]] = {
    "images first": (
        {"probabilities": GOOD.transpose(1, 0, 2)},
        SHAPE.format("probabilities") + "70 images and 5 classes",
    ),
    "other number of images": (
        {"probabilities": GOOD[:, :60]},
        SHAPE.format("probabilities") + "3 members, 70 images and 5 classes",
    ),
    "logits": (
        {"probabilities": LOGITS},
        r"'probabilities' has 210 of 210 rows .*first, of member 0 and image 0, holds -.* softmax "
        "of logits, or say --from-logits",
    ),
    "logits of minus infinity": (
        {"probabilities": changed(LOGITS, -np.inf, 0, 0)},
        "holds -inf .*say --from-logits",
    ),
    "logarithms": ({"probabilities": np.log(GOOD)}, "the exponential of logarithms"),
    "sum off": (
        {"probabilities": changed(GOOD, GOOD[2, 7, 3] + 0.01, 2, 7)},
        r"1 of 210 rows .* member 2 and image 7, .* sums to 1\.01; expected",
    ),
    "sum off, beside rounding": (
        {"probabilities": changed(np.eye(5)[[LABELS] * 3] * 0.98, -1e-12)},
        r"sums to 0\.98; expected",
    ),
    "NaN": ({"probabilities": changed(GOOD, np.nan)}, "member 1 and image 5, holds nan .* finite"),
    "negative": ({"probabilities": changed(GOOD, -1e-5)}, "holds -1e-05 .* non-negative"),
    "no numbers": ({"probabilities": GOOD.astype(str)}, SHAPE.format("probabilities")),
    "one axis": ({"probabilities": GOOD[0, 0]}, SHAPE.format("probabilities")),
    "four axes": ({"probabilities": GOOD[None]}, SHAPE.format("probabilities")),
    "percentages": ({"probabilities": 100 * GOOD}, "sums to 100; .* divide others by their sums"),
    "a sigmoid of each class": ({"probabilities": 1 - GOOD}, "sums to 4; expected"),
    "another name": (
        {"softmax": GOOD},
        r"there is 'labels' \[70\], .*; expected 'labels', 'probabilities', and 'ood_<name>'.*; "
        "rename or leave out 'softmax': write all with np.savez",
    ),
    "a name that cannot be shown": (
        {"ood_a\nb": FAR},
        r"a name that can be shown.*leave out 'ood_a\\nb'",
    ),
    "other members": (
        {"ood_far": FAR[:2]},
        SHAPE.format("ood_far") + "3 members, 30 images and 5 classes",
    ),
    "no out-of-distribution images": ({"ood_far": FAR[:, :0]}, SHAPE.format("ood_far")),
    "calibration images without labels": (
        {"calibration_probabilities": FAR},
        "; add 'calibration_labels': write",
    ),
    "calibration images with wrong rows": (
        {"calibration_probabilities": 2 * FAR, "calibration_labels": LABELS[:30]},
        "'calibration_probabilities' has 90 of 90 rows",
    ),
} | {
    f"labels {case}": ({"labels": labels}, rf"'labels' has {wrong}.*save labels{remedy}")
    for case, labels, wrong, remedy in (
        ("that are none", LABELS[:0], r"the shape \[0\]", ""),
        ("too large", np.where(np.arange(70) == 9, 5, LABELS), "1 of 70 .*5, of image 9; .* 4", ""),
        ("counted from 1", LABELS + 1, ".* if you count them from 1", " - 1"),
        ("one-hot", np.eye(5)[LABELS], r"the shape \[70, 5\]", r"\.argmax\(axis=1\) of one-hot"),
        ("in a column", LABELS[:, None], r"the shape \[70, 1\]", r".*\.ravel\(\)"),
        ("with fractions", LABELS + 0.5, ".*type float64; .* whole", r".*\.astype\(int\)"),
        ("in words", LABELS.astype(str), "the shape .* type <U21; expected", ""),
    )
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_array_is_refused_in_one_line_with_what_to_do(case: str) -> None:
    arrays, message = BAD_ARRAYS[case]
    np.savez("bad.npz", **({"probabilities": GOOD, "labels": LABELS} | arrays))
    with pytest.raises(UserError, match=rf"^bad\.npz: .*{message}") as refused:
        read("bad.npz")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_other_logits_that_are_not_finite_are_refused(value: float) -> None:
    np.save("bad.npy", changed(LOGITS, value))
    with pytest.raises(UserError, match=r"1 of 210 rows .* member 1 and image 5, .* finite"):
        read("bad.npy", labels="labels.npy", from_logits=True)


@pytest.mark.parametrize("name", ["far", "far(=", "far' \\d["])
@pytest.mark.parametrize("given", ["labels", "ood"])
def test_the_file_of_the_bad_array_is_named(given: str, name: str) -> None:
    np.save("good.npy", GOOD)
    np.save("bad.npy", changed(GOOD, np.nan) if given == "ood" else LABELS + 5)
    files = {"labels": "labels.npy", f"ood_{name}": "good.npy"}
    files["labels" if given == "labels" else f"ood_{name}"] = "bad.npy"
    with pytest.raises(UserError, match=r"^bad\.npy: .(labels|ood_far[^\n]*). has "):
        read("good.npy", **files)


class Code:
    """Writes a file where it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (Path("written"), "run")


def write_text(text: str) -> Callable[[str], object]:
    return lambda name: Path(name).write_text(text)


def write_cut(name: str) -> None:
    np.savez(name, probabilities=GOOD, labels=LABELS)
    Path(name).write_bytes(Path(name).read_bytes()[:-200])


def write_array(name: str) -> None:
    np.save("array.npy", GOOD)
    Path("array.npy").rename(name)


def write_vast(name: str) -> None:
    """An array whose header states more than any memory holds, and a member that has few bytes."""
    with ZipFile(name, "w") as archive, archive.open("probabilities.npy", "w") as member:
        header = {"descr": "<f4", "fortran_order": False, "shape": (5, 40_000_000_000, 2000)}
        write_array_header_1_0(member, header)
        member.write(bytes(1000))


OBJECTS = np.array([Code()], dtype=object)

BAD_FILES: dict[str, tuple[str, Callable[[str], object], str]] = {
    "no file": ("a.npz", lambda name: None, r"the file cannot be read \(No such file"),
    "a folder": ("a.npy", lambda name: Path(name).mkdir(), "the file cannot be read"),
    "JSON": ("a.json", write_text("{}"), r"the format \.json is not supported; expected one of"),
    "no ending": ("a", write_text(""), r"the name has no ending; expected one of \.npz, \.npy"),
    "an empty .npz": ("a.npz", write_text(""), r"not an \.npz file of numbers, or it is damaged"),
    "cut off": ("a.npz", write_cut, r"not an \.npz file of numbers, or it is damaged"),
    "vast .npz": ("a.npz", write_vast, r"not an \.npz file of numbers, or it is damaged"),
    ".npy as .npz": ("a.npz", write_array, r"one array \(\.npy\) without labels"),
    "objects in .npz": (
        "a.npz",
        lambda name: np.savez(name, probabilities=GOOD, labels=OBJECTS),
        "not an .npz file of numbers",
    ),
    "objects in .npy": (
        "a.npy",
        lambda name: np.save(name, OBJECTS, allow_pickle=True),
        "not an .npy file of numbers",
    ),
    "an empty .csv": ("a.csv", write_text(""), "not a CSV file"),
    "no rows": (
        "a.csv",
        write_text("0,1\n"),
        "not a CSV file of numbers with names of the columns in its first row",
    ),
    "text in .csv": (
        "a.csv",
        write_text("0,1\n0.5,half\n"),
        "the column '1' does not hold a number in each",
    ),
    "decimal commas": (
        "a.csv",
        write_text("0;1\n0,5;0,5\n"),
        "the first row has 1 names, and others have 3 cells; expected columns that are separated",
    ),
    "semicolons": (
        "a.csv",
        write_text("0;1\n0.5;0.5\n"),
        "the column '0;1' does not hold a number .* commas between columns; write it with pandas",
    ),
    "columns of one name": (
        "a.csv",
        write_text("a,b,b\n0.5,0.25,0.25\n"),
        "the first row has 'b'; expected a name for each column, each once, and numbers below",
    ),
    "no names": ("a.csv", write_text("0.25,0.75\n0.5,0.5\n"), "the first row has '0.25'"),
    "labels without a name": ("a.csv", write_text("2\n1\n0\n"), "the first row has '2'"),
    "missing label": (
        "a.csv",
        write_text("0,1,label\n0.5,0.5,1\n0.5,0.5,\n"),
        "the column 'labels' does not hold a whole number in each row",
    ),
    "two columns of labels": (
        "a.csv",
        write_text("0,1,label,labels\n0.5,0.5,1,0\n"),
        "the first row has 'labels'; expected a name for each column, each once",
    ),
    "classes sorted as text": (
        "a.csv",
        write_text("class_0,class_1,class_10,class_2\n0.25,0.25,0.25,0.25\n"),
        "columns of the classes are class_0, class_1, class_10, class_2…; expected 0 to 3 in this",
    ),
    "a column of no class": (
        "a.csv",
        write_text("0,1,2,prediction\n0.25,0.25,0.5,2\n"),
        "the column 'prediction' has whole numbers, others have fractions: .* leave it out",
    ),
    "unequal members": (
        "a.csv",
        write_text("member,0,1\n0,0.5,0.5\n0,0.5,0.5\n1,0.5,0.5\n"),
        "members have other numbers of rows, or other labels",
    ),
    "other labels of a member": (
        "a.csv",
        write_text("member,0,1,label\n0,0.5,0.5,0\n1,0.5,0.5,1\n"),
        "members have other numbers of rows, or other labels",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_is_one_line_and_code_in_it_is_not_run(case: str) -> None:
    name, write, message = BAD_FILES[case]
    write(name)
    with pytest.raises(UserError, match=f"^{name}: .*{message}") as refused:
        read(name, labels="labels.npy")
    assert "\n" not in str(refused.value)
    assert not Path("written").exists()


@pytest.mark.parametrize(
    ("files", "further", "message"),
    [
        (["mine.npy"], {}, "mine.npy: .*add 'labels': .*name the file of the labels by --la"),
        (["mine.npy"], {"labels": Path("no.npy")}, "no.npy: the file cannot be read"),
        (["mine.npz"], {"labels": Path("labels.npy")}, "labels.npy: 'labels' is given twice"),
        (["mine.npy"], {"labels": Path("wrong.npy")}, "^wrong.npy: 'labels' has 70 of 70"),
        (["named.npz"], {"labels": Path("labels.npy")}, "^named.npz: .*add 'probabilities'"),
        (["mine.npz"], {"ood": ["far"]}, "--ood: 'far' is no NAME=FILE"),
        (["mine.npz", "other.npz"], {"ood": ["a=a.npy"]}, "'ood_a' is given 1 times for 2 meth"),
        (["mine.npz"], {"from_logits": True}, "mine.npz: .* rows that sum to 1; .*--from-log"),
        (["mine.npz"], {"seed": -1}, "--seed: -1 is negative"),
        (["mine.npz"], {"resamples": 9}, "--resamples: 9 is too small"),
        (["mine.npz"], {"out": Path("run")}, "--out run: this folder holds run.json"),
        (["mine.npz"], {"out": Path("mine.npy")}, "--out mine.npy: this is a file"),
        (["mine.npz", "run/mine.npz"], {}, "FILE, which names a method: 'mine' is given"),
        (["mine.npz", "other.npz"], {}, "'mine' and 'other' hold different images or"),
        (["mine.npz", "fewer.npz"], {}, "images or labels .70 clean and 60 clean"),
    ],
)
def test_files_and_options_that_do_not_fit_are_one_line(
    files: list[str], further: dict[str, Any], message: str
) -> None:
    Path("run").mkdir()
    Path("run", "run.json").write_text("{}")
    np.save("mine.npy", GOOD)
    np.save("wrong.npy", LABELS + 9)
    np.savez("named.npz", softmax=GOOD)
    for name in ("mine.npz", "run/mine.npz"):
        np.savez(name, probabilities=GOOD, labels=LABELS)
    np.savez("other.npz", probabilities=GOOD[:, ::-1], labels=LABELS[::-1])
    np.savez("fewer.npz", probabilities=GOOD[:, :60], labels=LABELS[:60])
    with pytest.raises(UserError, match=message) as refused:
        score_files([Path(name) for name in files], **further)
    assert "\n" not in str(refused.value)
