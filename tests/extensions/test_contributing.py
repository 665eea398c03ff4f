"""The examples of contributing are files of `nouns/`, which the other tests here run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.run.custom_method import load_method
from methods.contract import check_method
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/contributing.md").read_text(encoding="utf-8")
NOUNS = Path(__file__).parent / "nouns"

SOURCES = ("benchmarks", "methods", "run_all.py", "pyproject.toml")
FLOORS = Path("tests/test_floors.py")

LINE = re.compile(
    r"\| \[`([\w/]+\.py)`\]\(\.\./(tests/\S+)\) \| `([*\w]+)` in `(\w+)` of `([\w/]+\.py)` \|"
)
"""A row of the guide: the example's place and its file, its line, the register and its file."""


def test_guide_links_every_example() -> None:
    linked = re.findall(r"\]\(\.\./tests/extensions/nouns/(\w+\.py)\)", GUIDE)
    assert sorted(linked) == sorted(path.name for path in NOUNS.glob("*.py"))


@pytest.fixture(scope="module")
def contributed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree with the guide's examples, added as the guide says."""
    copy = tmp_path_factory.mktemp("contributed")
    for name in (*SOURCES, FLOORS):
        source, target = ROOT / name, copy / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for file, example, line, register, place in LINE.findall(GUIDE):
        shutil.copy(ROOT / example, copy / file)
        add(line, Path(file), register, copy / place)
    shutil.copy(NOUNS / "stripes_net.py", copy / "methods" / "networks")  # the task names it
    return copy


def add(line: str, file: Path, register: str, place: Path) -> None:
    """Write the line last into a register, and its import where it is in alphabetical order."""
    text = place.read_text(encoding="utf-8")
    begin = re.search(rf"^\s*{register}\b[^(]*\(", text, re.MULTILINE)
    assert begin, f"{place} has no {register}"
    end, depth = begin.end(), 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    entries, closing = re.fullmatch(r"(.*?),?(\s*\))", text[begin.end() : end], re.S).groups()
    indented = closing.startswith("\n")
    added = f",{closing[:-1]}    {line}," if indented else f", {line}"
    text = text[: begin.end()] + entries + added + closing + text[end:]
    imported = f"from {'.'.join(file.with_suffix('').parts)} import {line.lstrip('*')}"
    lines = text.splitlines()
    imports = [at for at, one in enumerate(lines) if one.startswith(("from methods", "from b"))]
    after = [at for at in imports if lines[at] > imported]
    at = after[0] if after else imports[-1] + 1
    if lines[at - 1].endswith("("):
        at = lines.index(")", at) + 1
    lines.insert(at, imported)
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")


def command(folder: Path, *arguments: str) -> str:
    """What a Python module or script prints in a folder, where it must succeed."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_guide_followed_literally_lists_the_nouns_and_keeps_the_floors(contributed: Path) -> None:
    listed = command(contributed, "run_all.py", "--list")
    for name in ("bagged_centroids", "mixup", "noise-20", "noise-40", "momentum", "stripes"):
        assert name in listed
    of_registers = command(
        contributed,
        "-c",
        "from benchmarks.claims import CLAIMS; from benchmarks.metrics import METRICS; "
        "from methods.scores import SCORES; print('spherical_score' in METRICS, "
        "'class_mean' in SCORES, 'noise-lowers-accuracy' in CLAIMS)",
    )
    assert of_registers == "True True True\n"
    command(contributed, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(FLOORS))


def test_guide_followed_literally_passes_the_checks(contributed: Path) -> None:
    pytest.importorskip("ruff")
    for check in (("check",), ("format", "--check")):
        command(contributed, "-m", "ruff", *check)


@pytest.mark.parametrize("method", ["bagged_centroids", "mixup", "the tutorial's"])
def test_methods_keep_the_contract(
    method: str,
    tmp_path: Path,
    training_images: LabelledImages,
    test_images: LabelledImages,
) -> None:
    if method == "the tutorial's":
        tutorial = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
        (location,) = re.findall(r"--method (\S+)", tutorial)
        (code,) = re.findall(r"```python\n(.*?)```", tutorial, re.DOTALL)
        (tmp_path / location.partition(":")[0]).write_text(code, encoding="utf-8")
        location = f"{tmp_path}/{location}"
    else:
        location = f"{NOUNS}/{method}.py:{method.title().replace('_', '')}"
    loaded = load_method(location)
    check_method(
        lambda seed: loaded.build(NetworkPool(seed=seed)),
        *(training_images.images[:500], training_images.labels[:500]),
        *(test_images.images[:100], test_images.labels[:100]),
    )
