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

Bad = tuple[dict[str, np.ndarray], str]
"""Arrays of an archive, and what is said of them."""


@pytest.fixture(autouse=True)
def labels_file(folder: Path) -> None:
    np.save("labels.npy", LABELS)


def read(name: str, *, from_logits: bool = False, **further: str) -> GivenPredictions:
    """Of a file, and of further ones by the names of the arrays that they hold."""
    files = {array: Path(file) for array, file in further.items()}
    return read_predictions(Path(name), files, from_logits=from_logits)


def assert_same(first: GivenPredictions, second: GivenPredictions, within: float = 1e-6) -> None:
    """The same labels, and of each image the same probabilities, by two of their functions."""
    assert torch.equal(first.labels, second.labels)
    assert first.predictions.keys() == second.predictions.keys()
    for condition, values in first.predictions.items():
        others = second.predictions[condition]
        assert values.members == others.members
        for name in ("predictive_entropy", "mutual_information"):
            torch.testing.assert_close(
                values.score(name), others.score(name), atol=within, rtol=0, equal_nan=True
            )


def write_members(array: np.ndarray, name: str) -> None:
    """A row an image and member, with pandas' index."""
    frames = [pd.DataFrame(rows).assign(member=number) for number, rows in enumerate(array)]
    pd.concat(frames).to_csv(name)


@pytest.mark.parametrize(
    "kind", ["<f2", "<f4", ">f4", ">f8", "longdouble", "Fortran's order", "pandas"]
)
@pytest.mark.parametrize("from_logits", [False, True])
def test_file_of_a_library_is_read_as_an_archive_is(kind: str, from_logits: bool) -> None:
    np.savez("archive.npz", probabilities=GOOD, labels=LABELS.astype(">i2"), ood_far=FAR)
    given = (LOGITS, FAR_LOGITS) if from_logits else (GOOD, FAR)
    names = ("mine.csv", "far.csv") if kind == "pandas" else ("mine.npy", "far.npy")
    for name, array in zip(names, given, strict=True):
        if kind == "pandas":
            write_members(array, name)
        else:
            is_order = kind == "Fortran's order"
            np.save(name, np.asfortranarray(array) if is_order else array.astype(kind))
    read_back = read(names[0], labels="labels.npy", ood_far=names[1], from_logits=from_logits)
    assert_same(read_back, read("archive.npz"), 1e-2 if kind == "<f2" else 1e-6)
    assert read_back.method == "mine"


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
    for first in (0, 1):
        names = [f"class {number}" for number in range(first, first + 5)]
        pd.DataFrame(GOOD[0], columns=names).assign(label=LABELS).to_csv("named.csv")
        assert_same(read("named.csv"), read("a.npz"))


def test_calibration_file_may_hold_its_labels() -> None:
    np.save("mine.npy", GOOD)
    np.savez("held.npz", probabilities=FAR, labels=LABELS[:30])
    np.save("held.npy", FAR)
    for name, labels in (("held.npz", {}), ("held.npy", {"calibration_labels": "held.npz"})):
        further = {"labels": "labels.npy", "calibration_probabilities": name, **labels}
        assert read("mine.npy", **further).predictions[LABELLED].calibrated


def changed(array: np.ndarray, value: float, member: int = 1, image: int = 5) -> np.ndarray:
    """With another probability of the class 3 of an image."""
    other = array.copy()
    other[member, image, 3] = value
    return other


def test_values_at_the_ends_of_their_range() -> None:
    """What rounding leaves below 0 counts as 0, as does the exponential of minus infinity."""
    certain = np.eye(5)[[LABELS] * 3] * 1.0
    certain[:, LABELS == 3] = np.eye(5)[0]
    np.savez("exact.npz", probabilities=certain, labels=LABELS)
    np.savez("rounded.npz", probabilities=changed(certain, -1e-12), labels=LABELS)
    assert_same(read("rounded.npz"), read("exact.npz"))
    logits = {}
    for value in (-np.inf, -1000, np.inf, np.nan):
        np.save("logits.npy", changed(LOGITS, value))
        if value < 0:
            logits[value] = read("logits.npy", labels="labels.npy", from_logits=True)
            continue
        with pytest.raises(UserError, match=r"1 of 210 rows .* member 1 and image 5, .* finite"):
            read("logits.npy", labels="labels.npy", from_logits=True)
    assert_same(*logits.values())


SHAPE = (
    r"'{}' has the shape \[.*\] and the type \S+; expected numbers \[members, images, classes\].*{}"
)


def bad(array: np.ndarray, message: str, name: str = "probabilities") -> Bad:
    return {name: array}, message


def of_shape(array: np.ndarray, expected: str = "", name: str = "probabilities") -> Bad:
    return {name: array}, SHAPE.format(name, expected)


def bad_labels(array: np.ndarray, wrong: str, remedy: str = "") -> Bad:
    return {"labels": array}, rf"'labels' has {wrong}.*save labels{remedy}"


BAD_ARRAYS: dict[str, Bad] = {
    "images first": of_shape(GOOD.transpose(1, 0, 2), "70 images and 5 classes"),
    "no numbers": of_shape(GOOD.astype(str)),
    "four axes": of_shape(GOOD[None]),
    "other members": of_shape(FAR[:2], "3 members, 30 images and 5 classes", "ood_far"),
    "no out-of-distribution images": of_shape(FAR[:, :0], "", "ood_far"),
    "logits": bad(LOGITS, "210 of 210 rows .*first, of member 0 and image 0, .* --from-logits"),
    "infinite logits": bad(changed(LOGITS, -np.inf, 0, 0), "holds -inf .*say --from-logits"),
    "logarithms": bad(np.log(GOOD), "the exponential of logarithms"),
    "sum off": bad(
        changed(GOOD, GOOD[2, 7, 3] + 0.01, 2, 7), r"member 2 and image 7, .* to 1\.01;"
    ),
    "sum off, beside rounding": bad(changed(np.eye(5)[[LABELS] * 3] * 0.98, -1e-12), r"to 0\.98;"),
    "NaN": bad(changed(GOOD, np.nan), "member 1 and image 5, holds nan .* finite"),
    "negative": bad(changed(GOOD, -1e-5), "holds -1e-05 .* non-negative"),
    "percentages": bad(100 * GOOD, "sums to 100; .* divide others by their sums"),
    "another name": bad(GOOD, "expected 'labels', .* leave out 'softmax': write all", "softmax"),
    "hidden name": bad(FAR, r"a name that can be shown.*leave out 'ood_a\\nb'", "ood_a\nb"),
    "calibration without labels": bad(
        FAR, "; add 'calibration_labels'", "calibration_probabilities"
    ),
    "labels that are none": bad_labels(LABELS[:0], r"the shape \[0\]"),
    "labels too large": bad_labels(
        np.where(np.arange(70) == 9, 5, LABELS), ".*5, of image 9; .* 4"
    ),
    "labels counted from 1": bad_labels(LABELS + 1, ".* if you count them from 1", " - 1"),
    "labels one-hot": bad_labels(np.eye(5)[LABELS], r"the shape \[70, 5\]", r"\.argmax\(axis=1\)"),
    "labels in a column": bad_labels(LABELS[:, None], r"the shape \[70, 1\]", r".*\.ravel\(\)"),
    "labels with fractions": bad_labels(LABELS + 0.5, ".*float64; .* whole", r".*\.astype\(int\)"),
    "labels in words": bad_labels(LABELS.astype(str), "the shape .* type <U21; expected"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_array_is_refused_in_one_line_with_what_to_do(case: str) -> None:
    arrays, message = BAD_ARRAYS[case]
    np.savez("bad.npz", **({"probabilities": GOOD, "labels": LABELS} | arrays))
    with pytest.raises(UserError, match=rf"^bad\.npz: .*{message}") as refused:
        read("bad.npz")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("given", ["labels", "ood_far", "ood_far(=", "ood_far' \\d["])
def test_the_file_of_the_bad_array_is_named(given: str) -> None:
    np.save("good.npy", GOOD)
    np.save("bad.npy", LABELS + 5 if given == "labels" else changed(GOOD, np.nan))
    with pytest.raises(UserError, match=r"^bad\.npy: .(labels|ood_far[^\n]*). has "):
        read("good.npy", **({"labels": "labels.npy"} | {given: "bad.npy"}))


class Code:
    """Writes a file where it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (Path("written"), "run")


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


IS_DAMAGED = r"not an \.npz file of numbers, or it is damaged"

BAD_FILES: dict[str, tuple[str, Callable[[str], object], str]] = {
    "no file": ("a.npz", lambda name: None, r"the file cannot be read \(No such file"),
    "a folder": ("a.npy", lambda name: Path(name).mkdir(), "the file cannot be read"),
    "cut off": ("a.npz", write_cut, IS_DAMAGED),
    "vast .npz": ("a.npz", write_vast, IS_DAMAGED),
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
}

BAD_TEXTS: dict[str, tuple[str, str]] = {
    "a.json": ("{}", r"the format \.json is not supported; expected one of"),
    "a": ("", r"the name has no ending; expected one of \.npz, \.npy"),
    "empty.csv": ("", "not a CSV file"),
    "no_rows.csv": (
        "0,1\n",
        "not a CSV file of numbers with names of the columns in its first row",
    ),
    "decimal_commas.csv": ("0;1\n0,5;0,5\n", "the first row has 1 names, and others have 3 cells"),
    "semicolons.csv": ("0;1\n0.5;0.5\n", "the column '0;1' does not hold a number .* commas"),
    "one_name.csv": ("a,b,b\n0.5,0.25,0.25\n", "the first row has 'b'; expected a name for each"),
    "no_names.csv": ("0.25,0.75\n0.5,0.5\n", "the first row has '0.25'"),
    "missing_label.csv": (
        "0,1,label\n0.5,0.5,1\n0.5,0.5,\n",
        "'labels' does not hold a whole number",
    ),
    "labels_twice.csv": ("0,1,label,labels\n0.5,0.5,1,0\n", "the first row has 'labels'; expected"),
    "sorted.csv": ("c_0,c_1,c_10,c_2\n.2,.2,.2,.4\n", "are c_0, c_1, c_10, c_2…; expected 0 to 3"),
    "no_class.csv": (
        "0,1,prediction\n0.5,0.5,2\n",
        "'prediction' has whole numbers, .* leave it out",
    ),
    "other.csv": ("member,0,1,label\n0,0.5,0.5,0\n1,0.5,0.5,1\n", "rows, or other labels"),
}


@pytest.mark.parametrize("case", [*BAD_FILES, *BAD_TEXTS])
def test_bad_file_is_one_line_and_code_in_it_is_not_run(case: str) -> None:
    if case in BAD_TEXTS:
        name, (text, message) = case, BAD_TEXTS[case]
        Path(name).write_text(text)
    else:
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
        (["mine.npz"], {"labels": Path("labels.npy")}, "labels.npy: 'labels' is given twice"),
        (["mine.npy"], {"labels": Path("wrong.npy")}, "^wrong.npy: 'labels' has 70 of 70"),
        (["named.npz"], {"labels": Path("labels.npy")}, "^named.npz: .*add 'probabilities'"),
        (["mine.npz"], {"ood": ["far"]}, "--ood: 'far' is no NAME=FILE"),
        (["mine.npz", "other.npz"], {"ood": ["a=a.npy"]}, "'ood_a' is given 1 times for 2 meth"),
        (["mine.npz"], {"from_logits": True}, "mine.npz: .* rows that sum to 1; .*--from-log"),
        (["mine.npz"], {"seed": -1}, "--seed: -1 is negative"),
        (["mine.npz"], {"out": Path("run")}, "--out run: this folder holds run.json"),
        (["mine.npz"], {"out": Path("mine.npy")}, "--out mine.npy: this is a file"),
        (["mine.npz", "run/mine.npz"], {}, "FILE, which names a method: 'mine' is given"),
        (["mine.npz", "other.npz"], {}, "'mine' and 'other' hold different images or"),
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
    with pytest.raises(UserError, match=message) as refused:
        score_files([Path(name) for name in files], **further)
    assert "\n" not in str(refused.value)
