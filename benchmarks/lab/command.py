"""The lab, a page on which networks vote: ``uncertainty-bench lab``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command_line import (
    NETWORKS,
    DataDir,
    Device,
    EngineChoice,
    Networks,
    exit_status,
    fitting_device,
    named_folder,
    workspace_for,
)
from benchmarks.io import UserError
from benchmarks.lab.page import lab_plan, make_lab
from benchmarks.vocabulary import LAB_HTML
from methods.engines import (
    fitting_engine,
)


def main(
    members: Annotated[int, typer.Option(help="Networks of the article's kind.", min=2)] = 50,
    relu_members: Annotated[int, typer.Option(help="Networks with ReLU.", min=2)] = 20,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs that the networks were trained.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of networks and masks.")] = 0,
    device: Device = "auto",
    engine: EngineChoice = "auto",
    data_dir: DataDir = None,
    networks: Networks = NETWORKS,
    out: Annotated[
        Path, typer.Option(help="Where to write.", parser=named_folder, metavar="PATH")
    ] = Path(LAB_HTML),
) -> None:
    """Make the lab: one page, offline, on which one draws a digit and sees networks disagree.

    It holds networks that run_all.py has trained, and compares what is drawn with all test images.
    """
    if out.suffix != ".html" or out.is_dir():
        raise UserError(f"--out {out}: expected a file name that ends in .html")
    device = fitting_device(device)
    plan = lab_plan(epochs=epochs, seed=seed, device=device, engine=fitting_engine(engine, device))
    workspace = workspace_for(out, plan, networks=networks, data_dir=data_dir)
    make_lab(plan, workspace, out, members=members, relu_members=relu_members)
    print(f"wrote {out} ({out.stat().st_size / 2**20:.1f} MiB)")


def command_line() -> int:
    """Run the command line and return its exit status: 2 for a user's mistake."""
    return exit_status(main)
