"""How works are divided: each once, networks together, costs balanced, on every machine alike."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import chain

import numpy as np
import pytest

from benchmarks.run.parts.shares import Work, shares
from tests.processes import ROOT


def work(*networks: int, predicting: float = 1.0, training: float = 5.0) -> Work:
    return Work(frozenset(("plain", number) for number in networks), predicting, training)


def drawn(seed: int, count: int) -> list[Work]:
    """Works that need up to three of thirty networks."""
    random = np.random.default_rng(seed)
    return [
        work(*random.choice(30, random.integers(4), replace=False), predicting=random.random())
        for _ in range(count)
    ]


def cost(works: list[Work], share: list[int]) -> float:
    """What a share costs, where each of its networks is trained once."""
    networks = set(chain.from_iterable(works[one].networks for one in share))
    return sum(works[one].predicting for one in share) + 5 * len(networks)


@pytest.mark.parametrize("parts", [1, 2, 5, 40])
@pytest.mark.parametrize("seed", range(5))
def test_every_work_is_in_one_share(parts: int, seed: int) -> None:
    given = shares(drawn(seed, 20), parts)
    assert len(given) == parts
    assert sorted(chain.from_iterable(given)) == list(range(20))
    assert all(share == sorted(share) for share in given)


def test_works_that_share_networks_stay_together() -> None:
    pairs = [work(2 * i, 2 * i + 1) for i in range(6)]
    singles = [work(number) for number in range(12)]
    given = shares(pairs + singles, 3)
    networks = [
        set(chain.from_iterable((pairs + singles)[one].networks for one in share))
        for share in given
    ]
    assert sorted(map(len, networks)) == [4, 4, 4]
    assert len(set.union(*networks)) == 12


def test_works_are_together_by_way_of_others_too() -> None:
    chain_of_three = [work(0, 1), work(2, 3), work(1, 2)]
    alone = [work(number) for number in (10, 11, 12, 13)]
    first, second = shares(chain_of_three + alone, 2)
    assert {0, 1, 2} in ({*first} & {0, 1, 2}, {*second} & {0, 1, 2})


def test_works_beyond_an_even_share_are_divided() -> None:
    of_one_network = [work(0, predicting=10.0) for _ in range(8)]
    given = shares(of_one_network, 4)
    assert [len(share) for share in given] == [2, 2, 2, 2]


@pytest.mark.parametrize("seed", range(5))
def test_costs_are_balanced(seed: int) -> None:
    """No share exceeds the least one by more than the most expensive work, the bound of greed."""
    works = drawn(seed, 60)
    costs = [cost(works, share) for share in shares(works, 3)]
    assert max(costs) - min(costs) <= max(one.cost for one in works)


def test_shares_depend_on_nothing_but_the_works() -> None:
    """Sets of text are in another order in every process."""
    script = "from tests.run.parts.test_shares import *; print(shares(drawn(1, 40), 4))"
    shown = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert shown == {f"{shares(drawn(1, 40), 4)}\n"}
