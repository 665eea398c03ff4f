"""Which tests one worker runs: those of a file, or of a folder whose tests share finished runs."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

FOLDERS = (
    *("tests/api", "tests/cluster", "tests/extensions", "tests/hostile"),
    *("tests/report", "tests/run/stages"),
)
"""Here a worker makes runs, which take long, for all tests of the session."""


class BySharedRuns(LoadFileScheduling):
    """Keep together the tests that share a run, so that only one worker makes it."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((one for one in FOLDERS if file.startswith(f"{one}/")), file)
