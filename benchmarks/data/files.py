"""Find a data set's files, verify them, and cache what had to be downloaded.

A file is looked for in the user's data folder, in the cache, and then at the set's sources. It is
verified on every reading, so that no damaged file goes unnoticed.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from benchmarks.data.downloaders import DOWNLOADERS, DownloadFailed, source_name
from benchmarks.io import UserError, written_whole

DATA_VARIABLE = "UNCERTAINTY_BENCH_DATA"
"""The environment variable that names the data folder where no argument does."""

CACHE_VARIABLE = "UNCERTAINTY_BENCH_CACHE"
"""The environment variable that names the cache folder instead of the platform's."""

LOCK_SECONDS = 1800.0
"""How long to wait for another run that is fetching the same set."""

GZIP = b"\x1f\x8b"
"""What a gzip file starts with."""


class Unavailable(Exception):
    """A set that cannot be had; one line lists what was tried, without a path of this machine."""


class Corrupt(ValueError):
    """Bytes that are not the file they should be; the message has both checksums."""


@dataclass(frozen=True)
class DataFile:
    """A file and the checksum by which it is recognised, whatever it was transported by.

    Attributes:
        name: as its mirror calls it; without ``.gz`` it names the uncompressed file.
        checksum: hexadecimal.
        algorithm: ``sha256`` is of the decompressed bytes, whatever the file is stored as; ``md5``
            is of the file as downloaded, because torchvision publishes no other for some sets.
    """

    name: str
    checksum: str
    algorithm: Literal["sha256", "md5"] = "sha256"

    @property
    def stored_names(self) -> tuple[str, ...]:
        """The names under which it can be stored and verified, the cache's own first."""
        if self.algorithm == "md5":
            return (self.name,)
        return (self.name.removesuffix(".gz"), self.name)

    def verified(self, stored: bytes) -> bytes:
        """The decompressed content of the bytes.

        Raises:
            Corrupt: they do not decompress, or have another checksum.
        """
        label = "MD5" if self.algorithm == "md5" else "SHA-256 of the decompressed bytes"
        expected = f"expected {label} {self.checksum}"
        try:
            content = gzip.decompress(stored) if stored.startswith(GZIP) else stored
        except (EOFError, OSError, zlib.error) as error:
            raise Corrupt(f"{expected}, found a damaged gzip file ({error})") from error
        hashed = stored if self.algorithm == "md5" else content
        found = hashlib.new(self.algorithm, hashed, usedforsecurity=False).hexdigest()
        if found != self.checksum:
            raise Corrupt(f"{expected}, found {found}")
        return content


@dataclass(frozen=True)
class DataSet:
    """The files of a set and where they can be found.

    Attributes:
        name: what the cache calls it.
        files: all that is known of the set; some may only serve to recognise them.
        folders: where in a data folder its files lie: ours, and other libraries' layouts.
        sources: URLs of folders to try, in order, when the files are not on this machine; see
            `benchmarks.data.downloaders`.
    """

    name: str
    files: tuple[DataFile, ...]
    folders: tuple[str, ...]
    sources: tuple[str, ...]

    def starting(self, start: str) -> tuple[DataFile, ...]:
        """The files whose name starts so."""
        return tuple(file for file in self.files if file.name.startswith(start))


def read(
    data_set: DataSet, files: Sequence[DataFile], *, data_dir: Path | None = None
) -> list[bytes]:
    """The decompressed bytes of some files of a set, each from the first place that has it.

    Args:
        data_set: the set.
        files: which of its files.
        data_dir: the user's data folder; default is the environment's.

    Raises:
        UserError: a file in the set's folder or the cache is damaged, or a folder is unusable.
        Unavailable: a file is neither there nor to be had.
    """
    data_dir = data_dir or folder_of(DATA_VARIABLE)
    if data_dir is not None and not data_dir.is_dir():
        raise UserError(
            f"the data folder {data_dir} is not a folder; expected one that holds a folder for "
            f"each set, such as {data_dir / data_set.name}: correct --data-dir or {DATA_VARIABLE}"
        )
    contents = {file: _on_this_machine(data_set, file, data_dir) for file in files}
    if missing := [file for file, content in contents.items() if content is None]:
        where = "the cache" if data_dir is None else "the data folder or the cache"
        contents |= _fetched(data_set, missing, f"{data_set.name}: not in {where}")
    return [content for content in contents.values() if content is not None]


def cache_folder() -> Path:
    """Where downloaded data sets are cached."""
    root = folder_of(CACHE_VARIABLE) or user_cache_path("uncertainty-bench")
    return root / "data"


def folder_of(variable: str) -> Path | None:
    """The folder that an environment variable names, if it does."""
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


def _on_this_machine(data_set: DataSet, file: DataFile, data_dir: Path | None) -> bytes | None:
    remedy, content = "replace it by an intact copy or delete it", None
    if data_dir is not None:
        for folder in data_set.folders:
            if (content := _content(file, data_dir / folder, remedy)) is not None:
                return content
        # What lies beside the folders may be of another set: some mimic the names of MNIST's files.
        with suppress(UserError):
            content = _content(file, data_dir, remedy)
    return _in_cache(data_set, file) if content is None else content


def _in_cache(data_set: DataSet, file: DataFile) -> bytes | None:
    folder = cache_folder() / data_set.name
    return _content(file, folder, "delete it, and it will be fetched again")


def _content(file: DataFile, folder: Path, remedy: str) -> bytes | None:
    """The file's content, from where it lies in a folder; ``None`` where it does not."""
    path = next((folder / n for n in file.stored_names if (folder / n).is_file()), None)
    if path is None:
        return None
    try:
        return file.verified(path.read_bytes())
    except Corrupt as error:
        raise UserError(f"the data file {path} is damaged: {error}; {remedy}") from error
    except OSError as error:
        raise UserError(
            f"the data file {path} cannot be read ({error.strerror}); make it readable, or move it"
        ) from error


def _fetched(
    data_set: DataSet, files: Sequence[DataFile], tried: str
) -> dict[DataFile, bytes | None]:
    """Bring the files into the cache, one run at a time.

    Raises:
        Unavailable: no source has them all.
    """
    folder = cache_folder() / data_set.name
    with locked(folder, ".lock", f"{tried}; another run has been fetching it"):
        # Another run may have fetched them while this one waited.
        contents = {file: _in_cache(data_set, file) for file in files}
        for source in data_set.sources:
            missing = [file for file, content in contents.items() if content is None]
            try:
                with TemporaryDirectory() as scratch:
                    for file in missing:
                        contents[file] = _retrieved(source, file, folder, Path(scratch))
            except DownloadFailed as failure:
                tried = f"{tried}; {failure}"
    if None in contents.values():
        raise Unavailable(tried)
    return contents


def _retrieved(source: str, file: DataFile, folder: Path, scratch: Path) -> bytes:
    """The file from a source, put into the folder as its checksum wants it."""
    stored = DOWNLOADERS[urlsplit(source).scheme](source + file.name, scratch)
    try:
        content = file.verified(stored)
    except Corrupt as error:
        raise DownloadFailed(
            f"{source_name(source)} sent {file.name} with a wrong checksum"
        ) from error
    with written_whole(folder / file.stored_names[0]) as temporary:
        temporary.write_bytes(stored if file.algorithm == "md5" else content)
    return content


@contextmanager
def locked(folder: Path, name: str, busy: str) -> Iterator[None]:
    """A folder of the cache, for this run alone as far as others wait for the lock of this name.

    Raises:
        UserError: the cache cannot be written.
        Unavailable: the lock was held for half an hour; ``busy`` says for what.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / name, timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise Unavailable(f"{busy} for {LOCK_SECONDS:.0f} s") from error
    except OSError as error:
        raise UserError(
            f"the cache folder {folder} is not writable ({error.strerror}); make it writable, or "
            f"name another by {CACHE_VARIABLE}"
        ) from error
