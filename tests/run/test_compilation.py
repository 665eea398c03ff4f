"""The announcement before kernels are compiled."""

from __future__ import annotations

import pytest

from benchmarks.run.compilation import compile_once
from methods.engines import lenet5_kernels as engine


@pytest.mark.parametrize(
    ("cached", "writable", "message"),
    [
        (True, True, ""),
        (False, True, "compile  the kernels, once on this machine: about 15 s\n"),
        (
            False,
            False,
            "compile  no cache can be written: each process compiles the kernels anew\n",
        ),
    ],
)
def test_wait_is_announced(
    cached: bool,
    writable: bool,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls = []
    monkeypatch.setattr(engine, "kernels_are_cached", lambda: cached)
    monkeypatch.setattr(engine, "compile_kernels", lambda: calls.append("compiled"))
    monkeypatch.setattr(engine, "CACHE", engine.CACHE if writable else None)
    compile_once()
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert bool(error) is bool(message)
    assert calls == (["compiled"] if writable and not cached else [])
