"""A process beside a command, with its last words where that cannot say them itself.

Run as a file, by its path: ``python watcher.py WORDS FOLDER``. Its standard input is a pipe from
the command, which writes a byte to it before it ends. Where the pipe ends without one, the command
has crashed, was killed, or a custom method has ended it. FOLDER has the command's notes.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def watch(words: str, folder: Path) -> None:
    """Wait for the end of the command; print the words if it did not end by itself."""
    if not sys.stdin.buffer.read():
        doing = " and ".join(sorted({path.read_text("utf-8") for path in folder.iterdir()}))
        sys.stderr.reconfigure(errors="replace")  # type: ignore[union-attr]
        print(words.format(doing=f" during {doing}" if doing else ""), file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    watch(sys.argv[1], Path(sys.argv[2]))
