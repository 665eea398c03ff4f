"""What one of each network detects, beside many."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.across.network_choice import network_choices
from benchmarks.across.settings import Setting
from benchmarks.report.answer.evidence import Candidate
from benchmarks.report.results import Results
from tests.report.answer.cases import AUROC, PLAIN, SOFTMAX, run

MANY = Candidate("plain", "deep_ensemble", "50")


def detecting(one: float, many: float) -> Results:
    """KMNIST is detected so well by one network and by fifty, worse by those with dropout."""
    results = run(dict.fromkeys((SOFTMAX, PLAIN, MANY), AUROC))
    values = {("plain", "softmax"): one, ("plain", "deep_ensemble"): many}
    keys = zip(results.summary["recipe"], results.summary["method"], strict=True)
    return replace(
        results, summary=results.summary.assign(value=[values.get(key, 0.5) for key in keys])
    )


def test_networks_of_a_task_are_told_beside_many() -> None:
    settings = [
        Setting("MNIST", "lenet5", detecting(0.856, 0.966)),
        Setting("MNIST", "lenet5_relu", detecting(0.982, 0.9951)),
        Setting("Fashion-MNIST", "lenet5", detecting(0.8, 0.9)),
    ]
    (told,) = network_choices(settings)
    assert told == (
        "MNIST: one network without dropout detects KMNIST with an AUROC of 0.856 (lenet5) and "
        "0.982 (lenet5_relu), 50 networks with 0.966 and 0.995."
    )


def test_nothing_is_told_where_it_was_not_measured() -> None:
    whole = Setting("MNIST", "lenet5", detecting(0.856, 0.966))
    without = run({SOFTMAX: AUROC, MANY: AUROC})
    assert list(network_choices([whole, Setting("MNIST", "lenet5_relu", without)])) == []
    assert list(network_choices([whole])) == []
