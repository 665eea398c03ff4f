"""`--only report` on damaged files: one line that names the file, and nothing is drawn."""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.errors import UserError
from benchmarks.nouns import FILES
from benchmarks.report import write_report
from benchmarks.report.claims_page import claims_page
from benchmarks.report.page.provenance import provenance
from benchmarks.report.read.files import claims_numbers, read_claims
from benchmarks.report.results import Results
from benchmarks.run.stages import run_stages
from tests.hostile.conftest import digits_run, run_command
from tests.report.support import CLAIMS

READ = (
    *("summary.csv", "comparisons.csv", "training.csv", "images.npz"),
    *("tasks.csv", "conditions.csv", "methods.csv", "scores.csv", "metrics.csv", "recipes.csv"),
    *("curves/reliability.csv", "curves/histograms.csv", "curves/roc.csv"),
    *("curves/risk_coverage.csv", "curves/example_image.csv", "curves/high_disagreement.csv"),
    *("curves/replicates.csv", "curves/explorer.csv"),
)
"""What the report reads of this run."""


def refusal(out: Path, name: str) -> str:
    """The line that names a damaged file."""
    with pytest.raises(UserError) as error:
        write_report(out)
    assert str(out / name) in str(error.value)
    assert "\n" not in str(error.value)
    assert re.search("run again|run without --only", str(error.value))
    assert not (out / "figures").exists()
    return str(error.value)


@pytest.fixture
def out(folder: Path) -> Path:
    return folder / "out"


@pytest.fixture
def unsealed(out: Path) -> Path:
    """As a run of an earlier version is, which did not seal its files."""
    (out / "run.json").unlink()
    return out


@pytest.mark.parametrize("name", READ)
def test_any_change_of_what_the_report_reads_is_noticed(name: str, out: Path) -> None:
    content = bytearray((out / name).read_bytes())
    changed = random.Random(name)
    for _ in range(3):
        position = changed.randrange(len(content))
        other = bytes([content[position] ^ changed.randrange(1, 255)])
        (out / name).write_bytes(content[:position] + other + content[position + 1 :])
        assert "is not as the run wrote it" in refusal(out, name)
    (out / name).write_bytes(content[: len(content) // 2])
    assert "is not as the run wrote it" in refusal(out, name)


@pytest.mark.parametrize("name", ["curves/roc.csv", "images.npz", "comparisons.csv"])
def test_file_that_is_gone_is_noticed(name: str, out: Path) -> None:
    (out / name).unlink()
    assert "is missing; run again without --only" in refusal(out, name)


def test_lines_may_end_as_a_checkout_elsewhere_has_them(out: Path) -> None:
    summary = out / "summary.csv"
    summary.write_bytes(summary.read_bytes().replace(b"\n", b"\r\n"))
    assert not Results.load(out).summary.empty


def test_table_may_have_been_gzipped_but_not_changed(out: Path) -> None:
    path, zipped = out / "comparisons.csv", out / "comparisons.csv.gz"
    content = path.read_bytes()
    zipped.write_bytes(gzip.compress(content))
    path.unlink()
    assert len(Results.load(out).comparisons)
    for damaged in (gzip.compress(content[:-9]), zipped.read_bytes()[:-20], content):
        zipped.write_bytes(damaged)
        refusal(out, "comparisons.csv.gz")


@pytest.mark.usefixtures("quick_stages")
def test_what_the_line_says_is_the_remedy(
    folder: Path,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.undo()
    damaged = folder / "out" / "summary.csv"
    damaged.write_bytes(damaged.read_bytes()[:-30])
    assert run_command(monkeypatch, folder, "--only", "report") == 2
    shown = capsys.readouterr().err
    assert re.fullmatch(
        r"error: \S+summary\.csv is not as the run wrote it; delete it[^\n]+\n", shown
    )
    damaged.unlink()
    assert run_stages(*digits_run(folder), "measure") == []
    assert damaged.read_bytes() == (finished / "out" / "summary.csv").read_bytes()
    assert not Results.load(folder / "out").summary.empty


def cut(content: bytes) -> bytes:
    return content[:-7]


def without_a_column(content: bytes) -> bytes:
    return re.sub(rb"(?m)^[^,\n]*,", b"", content)


def of_something_else(content: bytes) -> bytes:
    return b"name,price\nbread,2\n"


def with_one_more(content: bytes) -> bytes:
    return re.sub(rb"(?m)$(?=\n)", b",1", content)


def with_a_longer_row(content: bytes) -> bytes:
    return content + content.splitlines()[-1] + b",1\n"


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "cut": cut,
    "empty": lambda content: b"",
    "header alone, cut": lambda content: content[:9],
    "random": lambda content: random.Random(0).randbytes(500),
    "without a column": without_a_column,
    "of something else": of_something_else,
    "with one more column": with_one_more,
    "with a longer row": with_a_longer_row,
    "in another encoding": lambda content: content.decode().encode("utf-16"),
}
TABLES = [name for name in READ if name.endswith(".csv")]
MAY_HAVE_MORE = (
    "curves/replicates.csv",
    "curves/explorer.csv",
    *(name for name in READ if name in FILES),
)
"""Columns: of measures, or of a later version's nouns."""


ALWAYS_TRIED = ("cut", "without a column", "in another encoding")
"""Of the damages; the others take as long again, and are tried with the slow tests."""


@pytest.mark.parametrize(
    "damage",
    [pytest.param(one, marks=() if one in ALWAYS_TRIED else pytest.mark.slow) for one in BYTES],
)
def test_damaged_table_is_named_though_it_has_no_seal(damage: str, unsealed: Path) -> None:
    for name in TABLES:
        content = (unsealed / name).read_bytes()
        (unsealed / name).write_bytes(BYTES[damage](content))
        if damage == "with one more column" and name in MAY_HAVE_MORE:
            continue
        refusal(unsealed, name)
        (unsealed / name).write_bytes(content)


@pytest.mark.parametrize(
    ("name", "column", "value", "message"),
    [
        ("summary.csv", "value", "high", "could not convert string to float: 'high'"),
        ("summary.csv", "images", "-1", "'images' does not hold whole numbers"),
        ("summary.csv", "images", "1.5", "'images' does not hold whole numbers"),
        ("summary.csv", "replicates", "", "'replicates' does not hold whole numbers"),
        ("summary.csv", "method", "magic", "methods.csv has no 'magic'"),
        ("summary.csv", "condition", "rotated-999", "conditions.csv has no 'rotated-999'"),
        ("summary.csv", "metric", "mood", "metrics.csv has no 'mood'"),
        ("summary.csv", "recipe", "soup", "recipes.csv has no 'soup'"),
        ("comparisons.csv", "other_method", "magic", "methods.csv has no 'magic'"),
        ("comparisons.csv", "p_holm", "low", "'p_holm' does not hold numbers"),
        ("training.csv", "epoch", "first", "'epoch' does not hold whole numbers"),
        ("training.csv", "recipe", "soup", "recipes.csv has no 'soup'"),
        ("curves/roc.csv", "flagged", "many", "'flagged' does not hold numbers"),
        ("curves/roc.csv", "condition", "x", "conditions.csv has no 'x'"),
        ("curves/replicates.csv", "accuracy", "high", "'accuracy' does not hold numbers"),
        ("curves/explorer.csv", "confidence", "high", "'confidence' does not hold numbers"),
        ("curves/explorer.csv", "index", "", "'index' does not hold whole numbers"),
        ("metrics.csv", "biased", "perhaps", "'perhaps'"),
        ("metrics.csv", "better", "taller", "'taller'"),
        ("conditions.csv", "severity", "steep", "'steep'"),
        ("recipes.csv", "epochs", "ten", "'ten'"),
    ],
)
def test_value_of_another_kind_is_named(
    name: str, column: str, value: str, message: str, unsealed: Path
) -> None:
    with (unsealed / name).open(newline="") as file:
        header, first, *rows = csv.reader(file)
    first[header.index(column)] = value
    with (unsealed / name).open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, first, *rows])
    assert message in refusal(unsealed, name)


Arrays = dict[str, Any]

IMAGES: dict[str, Callable[[Arrays], Arrays]] = {
    "no index": lambda a: {name: a[name] for name in a if name != "index"},
    "fewer pixels": lambda a: a | {"pixels": a["pixels"][1:]},
    "pixels of numbers": lambda a: a | {"pixels": a["pixels"].astype(float)},
    "flat pixels": lambda a: a | {"pixels": a["pixels"].reshape(len(a["pixels"]), -1)},
    "four colours": lambda a: a | {"pixels": np.stack([a["pixels"]] * 4, axis=3)},
    "condition by number": lambda a: a | {"condition": a["index"]},
    "index of text": lambda a: a | {"index": a["condition"]},
    "index in two axes": lambda a: a | {"index": np.stack([a["index"]] * 2)},
    "objects": lambda a: a | {"condition": a["condition"].astype(object)},
}


@pytest.mark.parametrize("damage", IMAGES)
def test_images_of_another_form_are_named(damage: str, unsealed: Path) -> None:
    path = unsealed / "images.npz"
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **IMAGES[damage](arrays))
    refusal(unsealed, "images.npz")


@pytest.mark.parametrize("content", [b"", b"PK", random.Random(1).randbytes(3000)])
def test_bytes_that_are_no_images_are_named(content: bytes, unsealed: Path) -> None:
    (unsealed / "images.npz").write_bytes(content)
    refusal(unsealed, "images.npz")


def claims_of(out: Path) -> None:
    content = read_claims(out)
    claims_numbers(content)
    if content:
        claims_page(content)


def assert_named_or_harmless(out: Path, name: str, shown: Callable[[Path], None]) -> None:
    refused = str(out / name)
    try:
        shown(out)
    except UserError as error:
        refused = str(error)
    assert str(out / name) in refused


def changed(value: Any, drawn: random.Random) -> Any:
    """The same JSON, with one value in it replaced by one of another kind, or left out."""
    if isinstance(value, dict) and value and drawn.random() < 0.9:
        name = drawn.choice(sorted(value))
        if drawn.random() < 0.2:
            return {key: one for key, one in value.items() if key != name}
        return {**value, name: changed(value[name], drawn)}
    if isinstance(value, list) and value and drawn.random() < 0.9:
        position = drawn.randrange(len(value))
        return [*value[:position], changed(value[position], drawn), *value[position + 1 :]]
    return drawn.choice([None, 7, "text", [], {}, [[]], {"a": {}}, True])


def test_claims_of_another_form_are_named_or_make_no_difference(unsealed: Path) -> None:
    for seed in range(200):
        damaged = changed(CLAIMS, random.Random(seed))
        (unsealed / "claims.json").write_text(json.dumps(damaged))
        assert_named_or_harmless(unsealed, "claims.json", claims_of)


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, "\x00", '{"claims": 1}'])
def test_json_that_is_none_is_named(content: str, unsealed: Path) -> None:
    (unsealed / "claims.json").write_text(content)
    refusal(unsealed, "claims.json")


def test_record_of_another_form_is_named_or_makes_no_difference(out: Path) -> None:
    record = json.loads((out / "run.json").read_text()) | {"files": {}}
    for seed in range(200):
        (out / "run.json").write_text(json.dumps(changed(record, random.Random(seed))))
        assert_named_or_harmless(out, "run.json", provenance)
