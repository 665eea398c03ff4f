"""Data files that unpack to more than they should, by what they are checked, and at what cost."""

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
import zlib
from pathlib import Path

import pytest

from benchmarks.data import files as data_files
from benchmarks.data.files import Corrupt, DataFile, read
from benchmarks.data.sets import SETS
from benchmarks.errors import UserError

IMAGES = "t10k-images-idx3-ubyte.gz"
MNIST = next(one for one in SETS if one.name == "mnist")


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A gzip file of 256 MB of zeros."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(2**24)) for _ in range(16)) + packer.flush()


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(data_files.CACHE_VARIABLE, str(tmp_path / "cache"))
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    return tmp_path / "data"


def refusal(data_dir: Path) -> str:
    """Of MNIST's test images there, for which little memory may be needed."""
    (file,) = MNIST.starting("t10k-images")
    tracemalloc.start()
    with pytest.raises(UserError) as refused:
        read(MNIST, (file,), data_dir=data_dir)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * file.most_bytes
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_bomb_is_refused_in_little_memory(data_dir: Path, bomb: bytes) -> None:
    for content in (bomb, gzip.compress(bytes(10**6)) * 400):
        (data_dir / "mnist" / IMAGES).write_bytes(content)
        message = refusal(data_dir)
        assert f"{IMAGES} is damaged: expected SHA-256" in message
        assert "found more than 7,840,016 bytes; replace it by an intact copy" in message


def test_bomb_of_the_right_checksum_is_refused_as_well(bomb: bytes) -> None:
    with pytest.raises(Corrupt, match="expected MD5 0123, found"):
        DataFile("a.gz", "0123", "md5").verified(bomb)
    md5 = hashlib.md5(bomb).hexdigest()
    with pytest.raises(Corrupt, match=f"expected MD5 {md5}, found more than 100 bytes"):
        DataFile("a.gz", md5, "md5", most_bytes=100).verified(bomb)


@pytest.mark.parametrize("data_set", SETS, ids=lambda one: one.name)
def test_every_file_of_every_set_has_a_checksum_whatever_the_transport(
    data_set: data_files.DataSet,
) -> None:
    digits = {"sha256": 64, "md5": 32}
    assert data_set.files
    for file in data_set.files:
        assert len(bytes.fromhex(file.checksum)) * 2 == digits[file.algorithm]
        assert file.most_bytes <= 2**30
