"""Files that travel with a unit, to a worker that shares none with this machine, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.files import written_whole
from benchmarks.run.workspace import Workspace

OUT, NETWORKS = "out", "networks"
"""The two folders of a run, as parcels call them."""

Files = Mapping[tuple[str, str], bytes]
"""Contents, by folder and relative path."""


@dataclass(frozen=True)
class Changes:
    """What a unit changed: files that it wrote, and names of those that it removed."""

    written: Files
    removed: frozenset[tuple[str, str]]


def packed(workspace: Workspace, paths: Iterable[Path]) -> Files:
    """Those of the files that there are, in the folders of a run."""
    folders = [(OUT, workspace.out), (NETWORKS, workspace.networks)]
    folders.sort(key=lambda one: -len(one[1].parts))  # one may lie in the other
    files: dict[tuple[str, str], bytes] = {}
    for path in paths:
        if path.is_file():
            name, folder = next(one for one in folders if path.is_relative_to(one[1]))
            files[name, path.relative_to(folder).as_posix()] = path.read_bytes()
    return files


@contextmanager
def unpacked(files: Files, workspace: Workspace, scratch: Path) -> Iterator[Workspace]:
    """The workspace of a unit for as long as it is at work, in a folder of its own."""
    with TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as name:
        data_dir = workspace.data_dir
        there = replace(
            workspace,
            out=Path(name, OUT),
            networks=Path(name, NETWORKS),
            data_dir=data_dir if data_dir and data_dir.is_dir() else None,
        )
        for (folder, relative), content in files.items():
            with written_whole(Path(name, folder, relative)) as temporary:
                temporary.write_bytes(content)
        yield there


def changes(files: Files, there: Workspace) -> Changes:
    """What has changed since the files were unpacked."""
    now = packed(there, (*there.out.rglob("*"), *there.networks.rglob("*")))
    written = {name: content for name, content in now.items() if files.get(name) != content}
    return Changes(written, frozenset(files.keys() - now.keys()))


def apply(changed: Changes, workspace: Workspace) -> None:
    """Do the same in the run's own folders.

    Raises:
        NotWrittenError: the disk is full, for example.
    """
    folders = {OUT: workspace.out, NETWORKS: workspace.networks}
    for (folder, relative), content in changed.written.items():
        with written_whole(folders[folder] / relative) as temporary:
            temporary.write_bytes(content)
    for folder, relative in changed.removed:
        (folders[folder] / relative).unlink(missing_ok=True)
