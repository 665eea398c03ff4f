"""Files for ``benchmarks.score`` that hold code, lie about their sizes, or are very large."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
import torch

from benchmarks.io import UserError
from benchmarks.score import arrays, files
from benchmarks.score.external_predictions import ExternalPredictions
from benchmarks.score.files import read_predictions
from benchmarks.score.scoring import score

IMAGES, CLASSES = 200, 4
LABELS = np.random.default_rng(0).integers(CLASSES, size=IMAGES)


def probabilities(members: int = 3, images: int = IMAGES, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(CLASSES), (members, images))


GOOD = {"probabilities": probabilities(), "labels": LABELS}


def refusal(path: Path, *, memory: int = 20_000_000) -> str:
    """The one line with which it is refused, in little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as refused:
            read_predictions(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < memory
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(f"{path}: ")
    return str(refused.value).removeprefix(f"{path}: ")


def test_archive_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.npz", "w", ZIP_DEFLATED) as made:
        made.writestr("labels.npy", b"0" * 2**26)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "MOST_IN_MEMORY", 2**25)
        found = refusal(tmp_path / "a.npz")
    assert found.startswith("the file holds 67,108,864 bytes; expected at most 33,554,432 in an")


class Code:
    """Writes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (self.path, "run")


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.pt"])
def test_code_in_a_file_is_not_run(name: str, tmp_path: Path) -> None:
    path, written = tmp_path / name, tmp_path / "written"
    objects = np.array([Code(written)], dtype=object)
    if path.suffix == ".npz":
        np.savez(path, probabilities=GOOD["probabilities"], labels=objects)
    elif path.suffix == ".npy":
        np.save(path, objects, allow_pickle=True)
    else:
        torch.save([Code(written)], path)
    refusal(path, memory=10**9)
    assert not written.exists()


def numbers(external: ExternalPredictions) -> list[object]:
    scores = score([external], resamples=100, seed=0)
    return [
        table.drop(columns=[*table.filter(like="method")]).to_csv()
        for table in (scores.measurements, scores.summary, scores.comparisons)
    ]


def saved(path: Path, save: Callable[..., None], order: Any, members: int | None) -> Path:
    whole = probabilities(members or 1)
    far = probabilities(members or 1, images=77, seed=2)
    both = (order(array if members else array[0]) for array in (whole, far))
    save(path, labels=LABELS, **dict(zip(("probabilities", "ood_far"), both, strict=True)))
    return path


@pytest.mark.parametrize("members", [None, 1, 3])
def test_numbers_do_not_depend_on_blocks_or_storage(
    members: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = saved(tmp_path / "one.npz", np.savez, np.ascontiguousarray, members)
    expected = numbers(read_predictions(one))
    monkeypatch.setattr(arrays, "BLOCK_VALUES", 300)
    for save in (np.savez, np.savez_compressed):
        for order in (np.ascontiguousarray, np.asfortranarray):
            path = saved(tmp_path / "other.npz", save, order, members)
            assert numbers(read_predictions(path)) == expected
