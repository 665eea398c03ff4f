"""Find a data set's files, verify them, and cache what had to be downloaded.

A file is looked for in the user's data folder, in the cache, and then at the set's sources, from
which pooch fetches it. It is verified on every reading, so that no damaged file goes unnoticed.

Pooch alone would not do: it hashes a file as it is stored, while ours are known by their
decompressed bytes; it silently replaces a damaged file; and it has no lock between two runs.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from io import BytesIO
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from benchmarks.data.downloaders import DOWNLOADERS, LARGEST, DownloadFailed, source_name
from benchmarks.errors import UserError

DATA_VARIABLE = "UNCERTAINTY_BENCH_DATA"
"""The environment variable that names the data folder where no argument does."""

CACHE_VARIABLE = "UNCERTAINTY_BENCH_CACHE"
"""The environment variable that names the cache folder instead of the platform's."""

LOCK_SECONDS = 1800.0
"""How long to wait for another run that is fetching the same set."""


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
        most_bytes: how many the decompressed file has, or where that is not known, a bound.
    """

    name: str
    checksum: str
    algorithm: Literal["sha256", "md5"] = "sha256"
    most_bytes: int = LARGEST

    @property
    def stored_names(self) -> tuple[str, ...]:
        """The names under which it can be stored and verified, the cache's own first."""
        if self.algorithm == "md5":
            return (self.name,)
        return (self.name.removesuffix(".gz"), self.name)

    def read(self, path: Path) -> bytes:
        """The decompressed content of a file, of which no more is read than it can have.

        Raises:
            Corrupt: it does not decompress, or has another checksum or more bytes.
            OSError: it cannot be read.
        """
        with path.open("rb") as file:
            # What cannot be compressed grows by less than a thousandth.
            return self.verified(file.read(self.most_bytes + self.most_bytes // 1000 + 1024))

    def verified(self, stored: bytes) -> bytes:
        """The decompressed content of the bytes.

        Raises:
            Corrupt: they do not decompress, or have another checksum or more bytes.
        """
        if self.algorithm == "md5":
            self._require_checksum(stored)
        try:
            content = unpacked(stored, self.most_bytes)
        except NotUnpacked as error:
            raise Corrupt(f"{self._expected}, found {error}") from error
        if self.algorithm == "sha256":
            self._require_checksum(content)
        return content

    @property
    def _expected(self) -> str:
        label = "MD5" if self.algorithm == "md5" else "SHA-256 of the decompressed bytes"
        return f"expected {label} {self.checksum}"

    def _require_checksum(self, hashed: bytes) -> None:
        found = hashlib.new(self.algorithm, hashed, usedforsecurity=False).hexdigest()
        if found != self.checksum:
            raise Corrupt(f"{self._expected}, found {found}")


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
    data_dir = data_dir or folder_of(DATA_VARIABLE)
    if data_dir is not None and not data_dir.is_dir():
        raise UserError(
            f"the data folder {data_dir} is not a folder; expected one that holds a folder for "
            f"each set, such as {data_dir / data_set.name}: correct --data-dir or {DATA_VARIABLE}"
        )
    tried = ["not in the cache" if data_dir is None else "not in the data folder or the cache"]
    contents: dict[DataFile, bytes] = {}
    for file in files:
        content = None if data_dir is None else _in_data_folder(data_set, file, data_dir, others)
        if content is None:
            content = _in_cache(data_set, file)
        if content is not None:
            contents[file] = content
    if missing := [file for file in files if file not in contents]:
        _fetch(data_set, missing, tried)
    for file in missing:
        if (content := _in_cache(data_set, file)) is None:
            raise Unavailable(_account(data_set, tried))
        contents[file] = content
    return [contents[file] for file in files]


def cache_folder() -> Path:
    """Where downloaded data sets are cached."""
    root = folder_of(CACHE_VARIABLE) or user_cache_path("uncertainty-bench")
    return root / "data"


def folder_of(variable: str) -> Path | None:
    """The folder that an environment variable names, if it does."""
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


def _in_data_folder(
    data_set: DataSet, file: DataFile, data_dir: Path, others: Iterable[DataSet]
) -> bytes | None:
    remedy = "replace it by an intact copy or delete it"
    for folder in data_set.folders:
        for path in _existing(file, data_dir / folder):
            return _content(file, path, remedy)
    for path in _existing(file, data_dir):
        try:
            return _content(file, path, f"{remedy}, or move it into a folder named after its set")
        except UserError:
            # MNIST and the sets that mimic it share their file names: outside a set's own folder,
            # only the checksum shows to which set a file belongs.
            namesakes = (twin for other in others for twin in other.files if twin.name == file.name)
            if not any(_is(twin, path) for twin in namesakes):
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
        return file.read(path)
    except Corrupt as error:
        raise UserError(f"the data file {path} is damaged: {error}; {remedy}") from error
    except OSError as error:
        raise UserError(
            f"the data file {path} cannot be read ({error.strerror}); make it readable, or move it"
        ) from error


def _is(file: DataFile, path: Path) -> bool:
    try:
        return bool(_content(file, path, ""))
    except UserError:
        return False


def _fetch(data_set: DataSet, files: Sequence[DataFile], tried: list[str]) -> None:
    """Bring the files into the cache, one run at a time; note which sources failed."""
    folder = cache_folder() / data_set.name
    with locked(folder, ".lock", _account(data_set, [*tried, "another run has been fetching it"])):
        for source in data_set.sources:
            # Another run may have fetched them while this one waited for the lock.
            if not (missing := [file for file in files if not _existing(file, folder)]):
                return
            # A killed run leaves its folder behind; only who holds the lock uses it.
            partial = folder / ".partial"
            shutil.rmtree(partial, ignore_errors=True)
            try:
                for file in missing:
                    _retrieve(source, file, partial).replace(folder / file.stored_names[0])
            except DownloadFailed as failure:
                tried.append(str(failure))
            finally:
                shutil.rmtree(partial, ignore_errors=True)


def _retrieve(source: str, file: DataFile, folder: Path) -> Path:
    """The verified file in the folder, decompressed if its checksum is of the decompressed one."""
    # Here, not above: what needs no data needs no such library.
    from pooch import get_logger, retrieve

    # Pooch logs every step to standard error, with paths.
    get_logger().setLevel(logging.WARNING)

    def download(url: str, output_file: str, pooch: object) -> None:
        output = Path(output_file)
        # Pooch creates it for its owner's eyes only, but a cache may be shared.
        output.unlink()
        DOWNLOADERS[urlsplit(url).scheme](url, output_file, pooch)
        content = file.read(output)
        if file.algorithm == "sha256":
            output.write_bytes(content)

    try:
        known_hash = f"{file.algorithm}:{file.checksum}"
        url, name = source + file.name, file.stored_names[0]
        return Path(retrieve(url, known_hash, name, folder, downloader=download))
    except ValueError as error:
        raise DownloadFailed(
            f"{source_name(source)} sent {file.name} with a wrong checksum"
        ) from error


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


def _account(data_set: DataSet, tried: Sequence[str]) -> str:
    return f"{data_set.name}: {'; '.join(tried)}"


GZIP = b"\x1f\x8b"
"""What a gzip file starts with."""


class NotUnpacked(ValueError):
    """Bytes that are no whole gzip file, or hold more than they may; the message says which."""


def unpacked(stored: bytes, most: int) -> bytes:
    """The content of a gzip file; other bytes are their own content.

    Args:
        stored: the file.
        most: how many bytes the content may have; not many more are ever decompressed.

    Raises:
        NotUnpacked: the file is damaged, or holds more.

    >>> from gzip import compress
    >>> unpacked(compress(b"content"), most=7), unpacked(b"content", most=7)
    (b'content', b'content')
    """
    content = stored
    if stored.startswith(GZIP):
        try:
            with GzipFile(fileobj=BytesIO(stored)) as file:
                content = file.read(most + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise NotUnpacked(f"a damaged gzip file ({error})") from error
    if len(content) > most:
        raise NotUnpacked(f"more than {most:,} bytes")
    return content
