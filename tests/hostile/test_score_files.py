"""Files for ``benchmarks.score`` that lie about their sizes, or are larger than the memory."""

from __future__ import annotations

import errno
import io
import re
import resource
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.errors import UserError
from benchmarks.score import archive, arrays
from benchmarks.score.external_predictions import ExternalPredictions
from benchmarks.score.prediction_files import read_predictions
from benchmarks.score.scoring import score

IMAGES, CLASSES = 200, 4
LABELS = np.random.default_rng(0).integers(CLASSES, size=IMAGES)


def probabilities(members: int = 3, images: int = IMAGES, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(CLASSES), (members, images))


GOOD = {"probabilities": probabilities(), "labels": LABELS}


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    file = io.BytesIO()
    described = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)
    return file.getvalue()


def write(
    path: Path,
    members: dict[str, bytes],
    *,
    claims: dict[str, int] | None = None,
    compression: int = zipfile.ZIP_DEFLATED,
) -> Path:
    """An archive of these members; of some it claims that they have more or fewer bytes."""
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in members.items():
            made.writestr(f"{name}.npy", content)
        for info in made.filelist:
            info.file_size = (claims or {}).get(info.filename[:-4], info.file_size)
    return path


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


def test_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as made:
        for name, array in GOOD.items():
            made.writestr(f"{name}.npy", npy(array))
        made.writestr("labels", npy(LABELS[::-1]))
    message = "the file holds 'labels' twice; write it anew with np.savez"
    assert refusal(path).startswith(message)


@pytest.mark.parametrize(
    ("shape", "kind"), [((2**29, 1), "<f8"), ((50, 10**5, 10**3), "<f4"), ((2**40,), "|u1")]
)
def test_bomb_is_refused_by_its_header(shape: tuple[int, ...], kind: str, tmp_path: Path) -> None:
    start = header(shape, kind)
    size = len(start) + int(np.prod(shape, dtype=object)) * np.dtype(kind).itemsize
    members = {"probabilities": start + bytes(1000), "labels": npy(LABELS)}
    path = write(tmp_path / "a.npz", members, claims={"probabilities": size})
    found = refusal(path)
    assert f"'probabilities' of {list(shape)} unpacks to {size:,} bytes; expected at most" in found
    assert "write the file by np.savez, which does not compress" in found


@pytest.mark.parametrize("difference", [-8, -1, 1, 10**9])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_sizes_that_disagree_are_refused(difference: int, compression: int, tmp_path: Path) -> None:
    members = {name: npy(array) for name, array in GOOD.items()}
    claimed = {"labels": len(members["labels"]) + difference}
    path = write(tmp_path / "a.npz", members, claims=claimed, compression=compression)
    # Of fewer bytes than there are, the archive's own checksum is wrong as well.
    known = "'labels' is damaged: by its header it has"
    assert refusal(path).startswith(known) or difference < 0


def test_array_that_is_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    start = header((50, 10**5, 10**3))
    size = len(start) + 4 * 10**10
    path = write(
        tmp_path / "a.npz",
        {"probabilities": start, "labels": npy(LABELS)},
        claims={"probabilities": size},
        compression=zipfile.ZIP_STORED,
    )
    assert "it is damaged" in refusal(path)


def test_header_of_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    text = header((IMAGES,))[10:].rstrip() + b" " * 2**26 + b"\n"
    long = npy(LABELS)[:6] + b"\2\0" + np.uint32(len(text)).tobytes() + text
    path = write(tmp_path / "a.npz", {"labels": long + LABELS.tobytes()})
    assert "it is damaged" in refusal(path)


def test_header_of_deeply_nested_python_is_refused(tmp_path: Path) -> None:
    text = b"-" * 9000 + b"1\n"
    nested = npy(LABELS)[:6] + b"\1\0" + np.uint16(len(text)).tobytes() + text
    assert "it is damaged" in refusal(write(tmp_path / "a.npz", {"labels": nested}))


def test_negative_length_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", {"labels": header((-1, -5), "|u1") + bytes(5)})
    assert "it is damaged" in refusal(path)


def test_compression_that_numpy_does_not_write_is_refused(tmp_path: Path) -> None:
    members = {name: npy(array) for name, array in GOOD.items()}
    path = write(tmp_path / "a.npz", members, compression=zipfile.ZIP_LZMA)
    assert "is compressed as NumPy does not" in refusal(path)


def test_more_images_than_fit_are_refused_by_the_headers(tmp_path: Path) -> None:
    shapes = {"labels": (4_000_000,), "probabilities": (4_000_000, 2), "ood_x": (1_000_001, 2)}
    starts = {name: header(shape, "|u1") for name, shape in shapes.items()}
    claims = {name: len(starts[name]) + int(np.prod(shape)) for name, shape in shapes.items()}
    found = refusal(write(tmp_path / "a.npz", starts, claims=claims))
    assert found.startswith("the file holds 5,000,001 images, those of all sets together; expected")


def test_too_many_members_of_an_image_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", probabilities=np.ones((2**20 + 1, 1, 1), "u1"), labels=[0])
    found = refusal(tmp_path / "a.npz")
    assert "has 1,048,577 probabilities of an image; expected at most 1,048,576" in found


def test_too_many_arrays_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", {f"ood_{number}": b"" for number in range(1001)})
    assert refusal(path) == "the file holds 1,001 arrays; expected at most 1000"


def test_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def __init__(self, *_: object) -> None:
            super().__init__()

        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    np.savez_compressed(tmp_path / "a.npz", **GOOD)
    monkeypatch.setattr(archive, "SpooledTemporaryFile", Full)
    found = refusal(tmp_path / "a.npz")
    assert re.match(r"'labels' cannot be unpacked to .* \(No space left on device\); free", found)


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
    monkeypatch.setattr(archive, "MOST_IN_MEMORY", 1000)
    for save in (np.savez, np.savez_compressed):
        for order in (np.ascontiguousarray, np.asfortranarray):
            path = saved(tmp_path / "other.npz", save, order, members)
            assert numbers(read_predictions(path)) == expected


def test_first_wrong_row_is_named_whatever_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = probabilities()
    wrong[2, 5] *= 2
    wrong[0, 170] *= 2
    wrong[1, 33] = np.nan
    np.savez(tmp_path / "a.npz", probabilities=wrong, labels=LABELS)
    whole = refusal(tmp_path / "a.npz")
    assert "3 of 600 rows of 'probabilities' are not probabilities" in whole
    assert "(member 0, image 170) sums to 2" in whole
    monkeypatch.setattr(arrays, "BLOCK_VALUES", 300)
    assert refusal(tmp_path / "a.npz") == whole


@pytest.mark.parametrize("kind", ["<f2", "<f8"])
def test_extreme_numbers_are_refused_without_a_warning(kind: str, tmp_path: Path) -> None:
    extreme = probabilities().astype(kind)
    extreme[0, 0] = np.finfo(kind).max
    extreme[1, 1] = [np.inf, -np.inf, np.nan, 0]
    np.savez(tmp_path / "a.npz", probabilities=extreme, labels=LABELS)
    assert "2 of 600 rows of 'probabilities' are not probabilities" in refusal(tmp_path / "a.npz")


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_million_images_of_a_hundred_classes_need_less_than_two_gigabytes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(10**6, 100)).astype(np.float32)
    labels = random.integers(100, size=10**6)
    logits[np.arange(10**6), labels] += 3
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    np.savez(tmp_path / "a.npz", probabilities=logits.astype(np.float64), labels=labels)
    del logits
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from benchmarks.score.command import command_line\n"
        "status = command_line()\n"
        # Its own peak: `getrusage` counts that of the process that started it.
        "memory = Path('/proc/self/status').read_text()\n"
        "print(memory.split('VmHWM:')[1].split()[0], file=sys.stderr)\n"
        "sys.exit(status)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.npz"), "--resamples", "256"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0
    lines = ended.stderr.splitlines()
    assert int(lines[-1]) < 2_000_000  # kB
    assert sum("of 48 blocks of probabilities" in line for line in lines) == 10
    assert sum("of 2 blocks of resamples" in line for line in lines) == 2


@pytest.mark.long
def test_bomb_that_unpacks_is_refused_within_little_memory(tmp_path: Path) -> None:
    """Of as many bytes as allowed: rows of zeros, which are no probabilities."""
    images = 4_000_000
    start = header((images, 90), "<f8")
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as made:
        with made.open("probabilities.npy", "w", force_zip64=True) as member:
            member.write(start)
            for _ in range(images // 10**5):
                member.write(bytes(10**5 * 90 * 8))
        made.writestr("labels.npy", npy(np.zeros(images, int)))
    assert (tmp_path / "a.npz").stat().st_size < 10**7
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = refusal(tmp_path / "a.npz", memory=10**9)
    assert "4,000,000 of 4,000,000 rows of 'probabilities' are not probabilities" in found
    with suppress(AttributeError):
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10**6
