"""Damaged data files: exactly the content that was checked, or one line; never anything else."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pytest
from hypothesis import strategies as st

from benchmarks.data.files import Corrupt, DataFile
from benchmarks.data.loading import read_idx
from benchmarks.data.unpacking import NotUnpacked, unpacked
from tests.hostile.mutation import LENGTHS, damaged, fuzz, outcome


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    return head + array.tobytes()


PIXELS = np.random.default_rng(0).integers(256, size=(3, 5, 4), dtype=np.uint8)
CONTENT = idx(PIXELS)
STORED = gzip.compress(CONTENT, mtime=0)
FILES = (
    DataFile("a.gz", hashlib.sha256(CONTENT).hexdigest(), most_bytes=len(CONTENT)),
    DataFile("a.gz", hashlib.md5(STORED).hexdigest(), "md5", len(CONTENT)),
)


@pytest.mark.parametrize("times", LENGTHS)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.algorithm)
def test_only_the_content_itself_is_accepted(file: DataFile, times: int) -> None:
    assert file.verified(STORED) == CONTENT

    def holds(stored: bytes) -> None:
        assert outcome(lambda: file.verified(stored), Corrupt) in (None, CONTENT)

    bytes_of_all_kinds = damaged((STORED, CONTENT, STORED + STORED)) | st.binary(max_size=50)
    fuzz(holds, 200 * times, stored=bytes_of_all_kinds)


@pytest.mark.parametrize("times", LENGTHS)
def test_no_more_is_unpacked_than_is_allowed(times: int) -> None:
    def holds(stored: bytes, most: int) -> None:
        content = outcome(lambda: unpacked(stored, most), NotUnpacked)
        assert content is None or len(content) <= most

    fuzz(holds, 200 * times, stored=damaged((STORED, CONTENT)), most=st.integers(0, 100))


@pytest.mark.parametrize("times", LENGTHS)
def test_idx_file_is_an_array_or_a_value_error(times: int) -> None:
    def holds(content: bytes) -> None:
        array = outcome(lambda: read_idx(content), ValueError)
        assert array is None or array.tobytes() == content[len(content) - array.size :]

    fuzz(holds, 200 * times, content=damaged((CONTENT, idx(PIXELS[0]), idx(PIXELS[0, 0]))))
