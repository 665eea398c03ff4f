"""Damaged networks of the store: the network that was stored, or one line; never anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from methods.networks.network import Network
from methods.networks.recipes import RECIPES
from methods.networks.store import NetworkKey, NetworkStore
from methods.networks.training import TrainedNetwork, initial_network
from tests.hostile.mutation import LENGTHS, damaged, fuzz

KEY = NetworkKey(RECIPES["standard"], 0, 0, "0" * 64, "test")


def alike(one: Network, other: Network) -> bool:
    both = one.state_dict(), other.state_dict()
    return both[0].keys() == both[1].keys() and all(
        torch.equal(tensor, both[1][name]) for name, tensor in both[0].items()
    )


@pytest.mark.parametrize("times", LENGTHS)
def test_only_the_network_that_was_stored_is_loaded(times: int, tmp_path: Path) -> None:
    stored = initial_network(KEY.recipe, 0, seed=0)
    contents = []
    for index in range(2):
        store = NetworkStore(tmp_path / str(index))
        store.save(KEY, TrainedNetwork(initial_network(KEY.recipe, index, seed=0), (), 1.0))
        contents.append((store.folder / KEY.file_name).read_bytes())
    store, path = NetworkStore(tmp_path / "0"), tmp_path / "0" / KEY.file_name
    # Of the file's start, where all but the weights is, and some of these.
    head = 8 + int.from_bytes(contents[0][:8], "little")
    assert json.loads(contents[0][8:head])
    weights = contents[0][head + 400 :]
    starts = [content[: head + 400] for content in contents[:1]]

    def holds(start: bytes) -> None:
        path.write_bytes(start + weights)
        loaded = store.load(KEY)
        assert loaded is None or alike(loaded.network, stored)

    fuzz(holds, 60 * times, start=damaged(starts))
