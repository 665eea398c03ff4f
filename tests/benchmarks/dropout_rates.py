"""MC-dropout by each rate and placement that is tuned, as methods of a run.

``python -m tests.benchmarks.dropout_rates TASK [--out FOLDER]`` evaluates them on all test images,
which choose nothing, and prints the table of docs/tuning.md. It takes the networks of the trials
where these are stored.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd

from benchmarks.tuning import KNOBS, NETWORKS
from methods import MCDropout

RATES, PLACEMENTS = (knob.values for knob in KNOBS["mc_dropout"].values())


def _by(rate: float, placement: str) -> type[MCDropout]:
    name = f"{placement}_{round(100 * rate):02}"
    parts = {"name": name, "label": f"{placement}, {rate:g}", "rate": rate, "placement": placement}
    parts |= {"__module__": __name__, "__doc__": f"MC-dropout of {placement} at {rate:g}."}
    return type(name, (MCDropout,), parts)


CLASSES = {kind.name: kind for rate in RATES for place in PLACEMENTS for kind in [_by(rate, place)]}
globals().update(CLASSES)

MEASURES = (
    ("nll", "clean"),
    ("accuracy", "clean"),
    ("brier", "corrupted-mean"),
    ("augrc", "corrupted-mean"),
    ("auroc", "out-of-distribution-mean"),
)


def main(task: str, out: str) -> None:
    """Make the run, or go on with it, and print a row a setting."""
    methods = [word for name in CLASSES for word in ("--method", f"{__file__}:{name}")]
    words = ["--preset", "full", "--task", task, "--methods", "softmax", "--budget", "1"]
    words += ["--conditions", "clean,corrupted-*,ood-*", "--replicates", str(NETWORKS)]
    words += ["--members", "1", "--pool", str(NETWORKS), "--passes", "100", "--out", out]
    command = [sys.executable, "run_all.py", *words, *methods]
    for stage in ("train", "predict", "measure"):
        subprocess.run([*command, "--only", stage], check=True)
    summary = pd.read_csv(Path(out) / "summary.csv")
    for name in ("softmax", *CLASSES):
        own = summary[
            (summary["method"] == name)
            & (summary["score"].fillna("").isin(("", "predictive_entropy")))
        ]
        cells = []
        for metric, condition in MEASURES:
            row = own[(own["metric"] == metric) & (own["condition"] == condition)]
            cells.append(f"{row['value'].item():.4f}" if len(row) == 1 else "—")
        print("|", name, "|", " | ".join(cells), "|")


if __name__ == "__main__":
    main(*sys.argv[1:])
