"""Custom methods that change the global state, wherever they can: nothing else is affected."""

from __future__ import annotations

import gc
import os
import pickle
import random
import signal
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.backends import cudnn, mkldnn

from benchmarks.latency.stage import time_methods
from benchmarks.predictions import THE_RUN, RunUnit
from benchmarks.run.configuration import Configuration
from benchmarks.run.custom_method import load_method
from benchmarks.run.stages import run_stages
from benchmarks.stored.arrays import read_arrays
from methods.networks.lenet5 import LeNet5
from methods.networks.network import Network
from methods.networks.pool import NetworkPool
from methods.networks.small_cnn import SmallCNN
from methods.networks.store import NetworkStore
from tests.runs import Run, run_of

ATTACK = """
import gc, os, random, signal, sys, warnings

import numpy as np
import torch
from torch.backends import cudnn, mkldnn

from methods import PooledMethod, Prediction, UncertaintyMethod



def attack():
    mode = torch.inference_mode()
    mode.__enter__()
    # Kept, since it would set torch's modes once more when it is freed.
    torch.kept_modes = [*getattr(torch, "kept_modes", []), mode]
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_num_threads(7)
    torch.use_deterministic_algorithms(True)
    torch.set_float32_matmul_precision("medium")
    torch.set_flush_denormal(True)
    torch.autograd.set_detect_anomaly(True)
    torch.set_autocast_enabled("cpu", True)
    cudnn.benchmark, cudnn.deterministic, cudnn.enabled, mkldnn.enabled = True, True, False, False
    torch.default_generator.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    np.seterr(all="raise")
    warnings.simplefilter("ignore")
    os.chdir("/")
    os.environ["OMP_NUM_THREADS"] = "7"
    os.environ.pop("HOME", None)
    sys.path.insert(0, "/nowhere")
    sys.stdout = sys.stderr
    sys.setrecursionlimit(900)
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    gc.disable()

"""

AT_IMPORT = "attack()\n"

SELF_TRAINED = '''

class Mine(UncertaintyMethod):
    """Predicts the same for every image, and attacks."""

    name = "mine"

    def __init__(self, *, seed=0, device="cpu"):
        super().__init__(seed=seed, device=device)
        attack()

    def fit(self, images, labels):
        attack()
        return self

    def calibrate(self, images, labels):
        attack()
        return self

    def predict(self, images):
        prediction = Prediction.of(torch.full((2, len(images), 10), 0.1))
        attack()
        return prediction
'''

POOLED = '''

class Mine(PooledMethod):
    """Softmax, and attacks; before its network is trained, too."""

    name = "mine"

    def __init__(self, **options):
        super().__init__(**options)
        attack()

    @property
    def networks(self):
        attack()
        return range(self.replicate, self.replicate + 1)

    def fit(self, images, labels):
        attack()
        torch.set_default_device(None)
        return super().fit(images, labels)

    def predict(self, images):
        torch.set_grad_enabled(True)
        return Prediction.of_logits(self.prepared.logits(images))

    def features(self, images):
        attack()
        torch.set_default_device(None)
        return super().features(images)
'''

SMALL = Configuration(
    preset="quick",
    task="digits",
    recipes=("standard",),
    methods=("softmax", "mc_dropout"),
    conditions=("clean", "rotated-045"),
    members=(2,),
    passes=(3,),
    replicates=2,
    images=40,
    epochs=1,
    resamples=100,
    batch_sizes=(1,),
    engine="torch",
)


def state() -> list[object]:
    """What an attack changes."""
    return [
        *(torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()),
        *(torch.is_inference_mode_enabled(), torch.get_num_threads(), torch.is_anomaly_enabled()),
        *(torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()),
        *(
            torch.tensor(1e-310, dtype=torch.float64).mul(0.5).item(),
            torch.is_autocast_enabled("cpu"),
        ),
        *(cudnn.benchmark, cudnn.deterministic, cudnn.enabled, mkldnn.enabled),
        *(torch.get_rng_state().tolist(), pickle.dumps(np.random.get_state())),  # noqa: NPY002
        *(random.getstate(), np.geterr(), list(warnings.filters), Path.cwd(), dict(os.environ)),
        *(sys.path[0], sys.stdout, sys.getrecursionlimit(), gc.isenabled()),
        *(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)),
    ]


def with_method(folder: Path, kind: str, *, methods: tuple[str, ...] = SMALL.methods) -> Run:
    """A run with a method that attacks wherever it can."""
    (folder / "mine.py").write_text(ATTACK + AT_IMPORT + kind)
    location = f"{folder / 'mine.py'}:Mine"
    return run_of(replace(SMALL, methods=methods, custom_methods=(location,)), folder)


def files(folder: Path, pattern: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob(pattern)}


@pytest.mark.parametrize("kind", [SELF_TRAINED, POOLED], ids=["self-trained", "pooled"])
def test_global_state_is_as_before_every_call(kind: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(ATTACK + AT_IMPORT + kind)
    before = state()
    method = load_method(f"{tmp_path / 'mine.py'}:Mine")
    assert state() == before
    built = method.build(NetworkPool(), 1)
    assert state() == before
    images, labels = torch.rand(20, 1, 28, 28), torch.arange(20) % 10
    before = state()
    if not method.pooled:
        built.fit(images, labels)
        assert state() == before
    built.calibrate(images, labels)
    assert state() == before
    if not method.pooled:
        built.predict(images)
        assert state() == before


def test_attack_changes_everything_that_is_compared(tmp_path: Path) -> None:
    """Else the other tests could not fail."""
    names: dict[str, object] = {}
    from methods.global_state import preserved_global_state

    with preserved_global_state():
        before = state()
        exec(ATTACK, names)
        names["attack"]()
        torch.set_default_device(None)
        after = state()
    # Of these, the device was needed to look at the others.
    unchanged = [
        number
        for number, (one, other) in enumerate(zip(before, after, strict=True))
        if one == other
    ]
    assert unchanged == [1]


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", [SELF_TRAINED, POOLED], ids=["self-trained", "pooled"])
def test_other_methods_and_stored_networks_are_those_of_a_run_without_it(
    kind: str, jobs: int, tmp_path: Path, clean: Path
) -> None:
    plan, workspace = with_method(tmp_path, kind)
    for stage in ("train", "predict"):
        assert run_stages(plan, replace(workspace, jobs=jobs), stage) == []
    predicted = predictions(tmp_path)
    assert predictions(clean) == {
        name: arrays for name, arrays in predicted.items() if "/mine/" not in name
    }
    assert files(clean / "out", "training.csv") == files(tmp_path / "out", "training.csv")
    assert networks(tmp_path) == networks(clean)


def test_network_that_a_method_trains_is_that_of_everybody(tmp_path: Path) -> None:
    plan, _ = with_method(tmp_path, POOLED)
    images = plan.task.split("test", None)
    stored = {}
    for name in ("softmax", "mine"):
        store = NetworkStore(tmp_path / name / "networks")
        unit = RunUnit("standard", name, None, 1)
        plan.method(unit, store).fit(images.images, images.labels)
        stored[name] = networks(tmp_path / name)
    assert stored["mine"] == stored["softmax"] != {}


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("network", [LeNet5, SmallCNN])
def test_networks_begin_in_float32(network: type[Network], dtype: torch.dtype) -> None:
    def initial() -> dict[str, torch.Tensor]:
        return network(generator=torch.Generator().manual_seed(0)).state_dict()

    usual = initial()
    try:
        torch.set_default_dtype(dtype)
        other = initial()
    finally:
        torch.set_default_dtype(torch.float32)
    assert {tensor.dtype for tensor in other.values()} <= {torch.float32, torch.int64}
    assert all(torch.equal(usual[name], other[name]) for name in usual)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without the method."""
    folder = tmp_path_factory.mktemp("clean")
    for stage in ("train", "predict"):
        assert run_stages(*run_of(SMALL, folder), stage) == []
    return folder


def predictions(folder: Path) -> dict[str, dict[str, bytes]]:
    """The arrays by file, without what names the run, whose methods are not the same."""
    return {
        path.relative_to(folder).as_posix(): {
            name: array.tobytes()
            for name, array in read_arrays(path).items()
            if name != f"source:{THE_RUN}"
        }
        for path in folder.glob("out/predictions/standard/**/*.npz")
    }


def networks(folder: Path) -> dict[str, dict[str, bytes]]:
    """The weights by file; beside them, files hold how long the training took."""
    from safetensors.torch import load_file

    return {
        path.name: {name: tensor.numpy().tobytes() for name, tensor in load_file(path).items()}
        for path in (folder / "networks").glob("*.safetensors")
    }


def test_timings_have_the_threads_of_a_run_without_it(tmp_path: Path) -> None:
    plan, workspace = with_method(tmp_path, SELF_TRAINED, methods=("softmax",))
    before = state()
    time_methods(plan, workspace)
    assert state() == before
    table = pd.read_csv(workspace.out / "latency.csv", dtype=str)
    timed = table[(table["status"] == "ok") & (table["device"] == "cpu")]
    assert "softmax" in set(timed["method"])
    assert set(timed["threads"]) == {"1", str(torch.get_num_threads())}


DRAWING = '''
import random

import numpy as np
import torch

from methods import Prediction, UncertaintyMethod

AT_IMPORT = random.random()


class Mine(UncertaintyMethod):
    """Draws from the global generators."""

    name = "mine"

    def fit(self, images, labels):
        self.drawn = [random.random(), np.random.random(), torch.rand(()).item()]
        return self

    def predict(self, images):
        return Prediction.of(torch.rand(2, len(images), 10).softmax(-1))
'''


def test_global_generators_follow_from_the_seed(tmp_path: Path) -> None:
    location = tmp_path / "mine.py"
    location.write_text(DRAWING)
    images, labels = torch.rand(5, 1, 8, 8), torch.arange(5)

    def drawn(replicate: int) -> list[object]:
        load_method.cache_clear()
        method = load_method(f"{location}:Mine").build(NetworkPool(), replicate).fit(images, labels)
        first, again = method.predict(images), method.predict(images)
        assert torch.equal(first.mean, again.mean)
        module = sys.modules[type(method).__module__]
        return [module.AT_IMPORT, *method.drawn, first.mean.tolist()]

    assert drawn(0) == drawn(0)
    of_both = list(zip(drawn(0), drawn(1), strict=True))
    assert [one == other for one, other in of_both] == [True, False, False, False, False]


def test_functions_keep_their_names_and_signatures(tmp_path: Path) -> None:
    import inspect

    (tmp_path / "mine.py").write_text(ATTACK + SELF_TRAINED)
    method = load_method(f"{tmp_path / 'mine.py'}:Mine")
    assert list(inspect.signature(method).parameters) == ["seed", "device"]
    assert list(inspect.signature(method.fit).parameters) == ["self", "images", "labels"]
    assert (method.fit.__name__, method.__name__) == ("fit", "Mine")
    assert pickle.loads(pickle.dumps(method)) is method
    (tmp_path / "mine.py").write_text(ATTACK + POOLED)
    load_method.cache_clear()
    pooled = load_method(f"{tmp_path / 'mine.py'}:Mine")
    assert isinstance(vars(pooled)["networks"], property)
    assert "calibrate" not in vars(pooled)  # the suite's own need not be isolated
