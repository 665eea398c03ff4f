"""Find a data set's files, verify them, and keep what had to be downloaded.

A file is looked for in the user's data folder, in the cache, and then at the set's sources. It is
verified on every reading, so no damaged file goes unnoticed, whoever wrote it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import decompress
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from benchmarks.data.sources import Source, SourceFailed
from benchmarks.errors import UserError

DATA_VARIABLE = "UNCERTAINTY_BENCH_DATA"
"""The environment variable that names the data folder where no argument does."""

CACHE_VARIABLE = "UNCERTAINTY_BENCH_CACHE"
"""The environment variable that names the cache folder instead of the platform's."""

LOCK_SECONDS = 1800.0
"""How long to wait for another run that is fetching the same set."""


class Unavailable(Exception):
    """A set that cannot be had; one line says what was tried, without a path of this machine."""


class Corrupt(Exception):
    """Bytes that are not the file they should be; the message has both checksums."""


@dataclass(frozen=True)
class DataFile:
    """A file and what it is known by.

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
        try:
            content = decompress(stored) if stored.startswith(b"\x1f\x8b") else stored
        except (EOFError, OSError, zlib.error) as error:
            raise Corrupt(
                f"expected {self._label} {self.checksum}, "
                f"found an incomplete or damaged gzip file ({error})"
            ) from error
        if self.algorithm == "md5":
            found = hashlib.md5(stored, usedforsecurity=False).hexdigest()
        else:
            found = hashlib.sha256(content).hexdigest()
        if found != self.checksum:
            raise Corrupt(f"expected {self._label} {self.checksum}, found {found}")
        return content

    def is_in(self, stored: bytes) -> bool:
        """Whether the bytes are this file."""
        try:
            self.verified(stored)
        except Corrupt:
            return False
        return True

    @property
    def _label(self) -> str:
        return "MD5" if self.algorithm == "md5" else "SHA-256 of the decompressed bytes"


@dataclass(frozen=True)
class DataSet:
    """The files of a set and where they can be found.

    Attributes:
        name: what the cache calls it.
        files: all that is known of the set; some may only serve to recognise them.
        folders: where in a data folder its files lie: ours, and other libraries' layouts.
        sources: what to try, in order, when the files are not on this machine.
    """

    name: str
    files: tuple[DataFile, ...]
    folders: tuple[str, ...]
    sources: tuple[Source, ...]

    def starting(self, start: str) -> tuple[DataFile, ...]:
        """The files whose name starts so."""
        return tuple(file for file in self.files if file.name.startswith(start))


def read(
    data_set: DataSet,
    files: Sequence[DataFile],
    *,
    data_dir: Path | None = None,
    others: Iterable[DataSet] = (),
) -> list[bytes]:
    """The decompressed bytes of some files of a set, each from the first place that has it.

    Args:
        data_set: the set.
        files: which of its files.
        data_dir: the user's data folder; default is the environment's.
        others: the sets whose files may lie beside ours under the same names.

    Raises:
        UserError: a file in the data folder or the cache is damaged, or a folder is unusable.
        Unavailable: a file is neither there nor to be had.
    """
    data_dir = data_dir or _folder_of(DATA_VARIABLE)
    if data_dir is not None and not data_dir.is_dir():
        raise UserError(
            f"the data folder {data_dir} is no folder; expected one that holds a folder for each "
            f"set, such as {data_dir / data_set.name}: correct --data-dir or {DATA_VARIABLE}"
        )
    held: dict[DataFile, bytes] = {}
    for file in files:
        content = None
        if data_dir is not None:
            content = _in_data_folder(data_set, file, data_dir, others)
        if content is None:
            content = _in_cache(data_set, file)
        if content is not None:
            held[file] = content
    if missing := [file for file in files if file not in held]:
        held |= _fetch(data_set, missing, searched=data_dir is not None)
    return [held[file] for file in files]


def cache_folder() -> Path:
    """Where downloaded data sets are kept."""
    root = _folder_of(CACHE_VARIABLE) or user_cache_path("uncertainty-bench")
    return root / "data"


def _folder_of(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


def _in_data_folder(
    data_set: DataSet, file: DataFile, data_dir: Path, others: Iterable[DataSet]
) -> bytes | None:
    for folder in data_set.folders:
        for path in _existing(file, data_dir / folder):
            return _content(file, path, "replace it by an intact copy, or delete it")
    for path in _existing(file, data_dir):
        try:
            return _content(
                file,
                path,
                "replace it by an intact copy, delete it, or move it into "
                "a folder with the name of its set",
            )
        except UserError:
            # MNIST and its look-alikes share their file names: outside a set's own folder, only
            # the checksum says whose file it is.
            namesakes = (twin for other in others for twin in other.files if twin.name == file.name)
            if not any(twin.is_in(_stored(path)) for twin in namesakes):
                raise
    return None


def _in_cache(data_set: DataSet, file: DataFile) -> bytes | None:
    for path in _existing(file, cache_folder() / data_set.name):
        return _content(file, path, "delete it, and it will be fetched again")
    return None


def _existing(file: DataFile, folder: Path) -> list[Path]:
    return [folder / name for name in file.stored_names if (folder / name).is_file()]


def _content(file: DataFile, path: Path, remedy: str) -> bytes:
    try:
        return file.verified(_stored(path))
    except Corrupt as error:
        raise UserError(f"the data file {path} is damaged: {error}; {remedy}") from error


def _stored(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"the data file {path} cannot be read ({error.strerror}); make it readable, or move it"
        ) from error


def _fetch(
    data_set: DataSet, files: Sequence[DataFile], *, searched: bool
) -> dict[DataFile, bytes]:
    """Bring the files into the cache, and read them from there; one run at a time."""
    tried = ["not in the data folder or the cache" if searched else "not in the cache"]
    with _locked(data_set, tried) as folder:
        for source in data_set.sources:
            # Another run may have fetched them while this one waited for the lock.
            if not (missing := [file for file in files if not _existing(file, folder)]):
                break
            try:
                _fetch_from(source, missing, folder)
            except SourceFailed as failure:
                tried.append(str(failure))
    held = {file: content for file in files if (content := _in_cache(data_set, file)) is not None}
    if len(held) < len(files):
        raise Unavailable(_account(data_set, tried))
    return held


def _fetch_from(source: Source, files: Sequence[DataFile], folder: Path) -> None:
    """Store what the source delivers, each file as soon as it is verified, and at once."""
    partial = folder / ".partial"
    # A run that was killed leaves its own behind; while we hold the lock, nobody else uses it.
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        source.fetch([file.name for file in files], partial)
        for file in files:
            _store(source, file, partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _store(source: Source, file: DataFile, partial: Path, folder: Path) -> None:
    fetched = partial / file.name
    try:
        content = file.verified(fetched.read_bytes())
    except Corrupt as error:
        raise SourceFailed(f"{source} sent {file.name} with a wrong checksum") from error
    if file.algorithm == "sha256":
        fetched.write_bytes(content)
    fetched.replace(folder / file.stored_names[0])


@contextmanager
def _locked(data_set: DataSet, tried: list[str]) -> Iterator[Path]:
    """The set's folder in the cache, for this run alone."""
    folder = cache_folder() / data_set.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=LOCK_SECONDS):
            yield folder
    except Timeout as error:
        waited = f"another run has been fetching it for {LOCK_SECONDS:.0f} s"
        raise Unavailable(_account(data_set, [*tried, waited])) from error
    except OSError as error:
        raise UserError(
            f"the cache folder {folder} cannot be written ({error.strerror}); make it writable, or "
            f"name another by {CACHE_VARIABLE}"
        ) from error


def _account(data_set: DataSet, tried: Sequence[str]) -> str:
    return f"{data_set.name}: {'; '.join(tried)}"
