"""The examples of docs/your-own-model.md and the notebook beside it run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient

from benchmarks.intake.beside import score_beside
from benchmarks.intake.given import score_files

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_examples_of_the_guide_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results").symlink_to(ROOT / "results")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "your-own-model.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for example in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(example, "your-own-model.md", "exec"), names)
    plt.close("all")
    assert "mc_dropout" in capsys.readouterr().out
    assert set(names["results"].summary["method"]) == {"softmax", "scaled", "mc_dropout"}
    assert names["scored"].failures == names["run"].failures == ()
    boarded = names["beside"].answer
    assert {"own", "softmax", "deep_ensemble"} <= set(boarded["method"])
    of_file = score_beside(Path("my-run"), {"own": Path("own.npz")}).results.answer
    assert of_file["value"].tolist() == boarded["value"].tolist()
    in_file = score_files([Path("forest.npz")], resamples=100).results.summary
    in_memory = names["scored"].summary
    in_memory = in_memory[in_memory["method"] == "forest"]
    assert in_file["value"].tolist() == pytest.approx(in_memory["value"].tolist(), nan_ok=True)


def test_notebook_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    path = ROOT / "docs" / "own-network.ipynb"
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute()
    assert (tmp_path / "striped" / "index.html").exists()
    outputs = [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]
    text = "".join(str(one.data.get("text/plain", "")) for one in outputs)
    for word in ("softmax", "Laplace", "ensemble of 3", "lac_size_95", "energy", "best"):
        assert word in text
    assert any("image/png" in one.data for one in outputs)
