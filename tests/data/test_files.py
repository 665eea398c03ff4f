"""Finding, verifying and caching files, with a set of two small ones and sources of its own."""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from benchmarks.data import files as data_files
from benchmarks.data.files import (
    DOWNLOADERS,
    DataFile,
    DataSet,
    DownloadFailed,
    Unavailable,
    read,
)
from benchmarks.io import UserError

IMAGES, LABELS, OTHER = b"images" * 100, b"labels" * 100, b"other" * 100


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Source:
    """A source that delivers the content it is given, and records the names that are requested.

    It is the downloader of a scheme of its own.
    """

    content: dict[str, bytes] | None
    requested: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        DOWNLOADERS[f"source{id(self)}"] = self
        return f"source{id(self)}://example.org/"

    def __call__(self, url: str, scratch: Path) -> bytes:
        name = url.rpartition("/")[2]
        self.requested.append(name)
        if self.content is None:
            raise DownloadFailed("example.org did not answer in 5 s")
        return self.content[name]


GOOD = {"images.gz": gzip.compress(IMAGES, mtime=0), "labels.gz": LABELS}
WRONG = {"images.gz": OTHER, "labels.gz": LABELS}
FILES = (DataFile("images.gz", sha256(IMAGES)), DataFile("labels.gz", sha256(LABELS)))
TINY = DataSet("tiny", FILES, folders=("tiny", "Tiny/raw"), sources=())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(data_files.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(data_files.DATA_VARIABLE, raising=False)
    return tmp_path / "cache" / "data" / "tiny"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "my data"
    folder.mkdir()
    return folder


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("folder", ["tiny", "Tiny/raw", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_every_layout_of_a_data_folder_is_read(data_dir: Path, folder: str, suffix: str) -> None:
    put(data_dir / folder / f"images{suffix}", gzip.compress(IMAGES, mtime=0) if suffix else IMAGES)
    put(data_dir / folder / f"labels{suffix}", gzip.compress(LABELS, mtime=0) if suffix else LABELS)
    assert read(TINY, data_dir=data_dir) == [IMAGES, LABELS]


def test_the_environment_names_the_data_folder(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(data_dir / "tiny/images", IMAGES)
    monkeypatch.setenv(data_files.DATA_VARIABLE, str(data_dir))
    assert read(TINY, "images") == [IMAGES]


def test_a_data_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere is not a folder; expected .* correct --data-dir"):
        read(TINY, data_dir=tmp_path / "nowhere")


@pytest.mark.parametrize("damaged", [b"damaged", gzip.compress(IMAGES, mtime=0)[:-20]])
def test_a_corrupt_file_is_named_with_its_checksum(data_dir: Path, damaged: bytes) -> None:
    path = put(data_dir / "tiny/images", damaged)
    with pytest.raises(UserError) as caught:
        read(TINY, "images", data_dir=data_dir)
    message = str(caught.value)
    for part in (str(path), "is damaged", sha256(IMAGES), "replace it"):
        assert part in message
    assert "\n" not in message
    assert path.read_bytes() == damaged


def test_a_corrupt_file_in_the_cache_is_not_silently_replaced(cache: Path) -> None:
    source = Source(GOOD)
    put(cache / "images", IMAGES[:-1])
    with pytest.raises(UserError, match=r"delete it, and it will be fetched again"):
        read(replace(TINY, sources=(source.url,)))
    assert source.requested == []


def test_data_folder_then_cache_then_sources_in_order(data_dir: Path, cache: Path) -> None:
    sources = (Source(None), Source(GOOD), Source(GOOD))
    tiny = replace(TINY, sources=tuple(source.url for source in sources))
    assert read(tiny, data_dir=data_dir) == [IMAGES, LABELS]
    assert [len(source.requested) for source in sources] == [1, 2, 0]
    assert read(tiny, data_dir=data_dir) == [IMAGES, LABELS]
    assert [len(source.requested) for source in sources] == [1, 2, 0]
    (cache / "images").write_bytes(b"damaged")
    put(data_dir / "tiny/images", IMAGES)
    assert read(tiny, data_dir=data_dir) == [IMAGES, LABELS]


def test_a_download_with_a_wrong_checksum_is_not_stored(cache: Path) -> None:
    wrong, good = Source(WRONG), Source(GOOD)
    with pytest.raises(Unavailable, match=r"example.org sent images.gz with a wrong checksum; put"):
        read(replace(TINY, sources=(wrong.url,)))
    assert {path.name for path in cache.iterdir()} <= {".lock"}
    assert read(replace(TINY, sources=(wrong.url, good.url))) == [IMAGES, LABELS]
    assert {path.name for path in cache.iterdir()} - {".lock"} == {"images", "labels"}
    assert good.requested == ["images.gz", "labels.gz"]


def test_what_cannot_be_had_is_reported_on_one_line_without_paths(data_dir: Path) -> None:
    tiny = replace(TINY, sources=(Source(None).url, Source(WRONG).url))
    put(data_dir / "tiny/labels", LABELS)
    reasons = "example.org did not answer in 5 s; example.org sent images.gz with a wrong checksum"
    with pytest.raises(Unavailable, match=f"^tiny: .*; {reasons}; put images.gz into") as caught:
        read(tiny, data_dir=data_dir)
    assert not re.search(rf"\n|{data_dir}", str(caught.value))


def test_a_file_known_by_md5_is_cached_as_it_came(cache: Path, data_dir: Path) -> None:
    stored = gzip.compress(IMAGES, mtime=0)
    file = DataFile("images.gz", hashlib.md5(stored).hexdigest(), "md5")
    tiny = replace(TINY, files=(file,), sources=(Source({"images.gz": stored}).url,))
    # Its checksum says nothing about the uncompressed bytes, so these cannot be accepted.
    put(data_dir / "tiny/images", IMAGES)
    assert read(tiny, data_dir=data_dir) == [IMAGES]
    assert (cache / "images.gz").read_bytes() == stored
    put(data_dir / "tiny/images.gz", gzip.compress(OTHER, mtime=0))
    with pytest.raises(UserError, match=rf"expected MD5 {file.checksum}, found "):
        read(tiny, data_dir=data_dir)


def test_a_cache_that_cannot_be_written_is_an_error(cache: Path) -> None:
    put(cache, b"a file where the folder should be")
    with pytest.raises(UserError, match=r"not writable .*UNCERTAINTY_BENCH_CACHE"):
        read(TINY)


SLOW_RUN = f"""
import sys, time
from benchmarks.data.files import DOWNLOADERS, DataFile, DataSet, read

def slow(url, scratch):
    with open(sys.argv[1], "a") as log:
        log.write("fetched ")
    time.sleep(0.5)
    return {IMAGES!r}

DOWNLOADERS["slow"] = slow
tiny = DataSet("tiny", (DataFile("images.gz", {sha256(IMAGES)!r}),), ("tiny",), ("slow://host/",))
assert read(tiny) == [{IMAGES!r}]
"""


def test_two_parallel_runs_fetch_once(tmp_path: Path, cache: Path) -> None:
    command = [sys.executable, "-c", SLOW_RUN, str(tmp_path / "log")]
    runs = [subprocess.Popen(command) for _ in range(2)]
    assert [run.wait(30) for run in runs] == [0, 0]
    assert (tmp_path / "log").read_text() == "fetched "
    assert (cache / "images").read_bytes() == IMAGES
