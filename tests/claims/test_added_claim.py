"""A claim with a quantity of its own, which joins by one entry in the register."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import Claim, Judgement, Numbers, Verdict
from benchmarks.claims.predictor import RecipePredictor
from benchmarks.report.page.claims import claims as page_data
from benchmarks.report.page.parts import Parts
from benchmarks.report.results import claims_numbers
from benchmarks.report.tables.claims import verdict_table
from benchmarks.report.tables.text.formats import markdown
from benchmarks.run.stages import run_stages
from benchmarks.schema import Quantity, where
from tests.claims.support import run_in

pytestmark = pytest.mark.slow


def test_added_claim_is_shown_wherever_the_others_are(
    small_mnist: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(predictor: RecipePredictor) -> Numbers:
        entropies = [
            float(predictor.get(predictor.softmax(network)).expected_entropy.max())
            for network in range(predictor.networks)
        ]
        return {Quantity("largest entropy", "largest", split="test", image=3): entropies}

    def judge(numbers: Numbers) -> Judgement:
        (values,) = (values for one, values in numbers.items() if one.metric == "largest")
        return Judgement(Verdict.of(whole=min(values) > 0, part=False), "every entropy is positive")

    added = Claim("added", "It is uncertain.", "here", "central", "Above 0.", measure, judge)
    for other in set(CLAIMS) - {"certain-when-agreeing"}:
        monkeypatch.delitem(CLAIMS, other)
    monkeypatch.setitem(CLAIMS, added.id, added)
    run = run_in(tmp_path, members=(2,), passes=(10,))
    for stage in ("train", "predict", "measure", "claims"):
        assert run_stages(*run, stage) == []
    content = json.loads((tmp_path / "out" / "claims.json").read_text())
    *_, last = content["claims"]
    assert (last["id"], last["weight"], last["verdict"]) == ("added", "central", "reproduced")
    (entry,) = last["numbers"]["article"]
    assert entry.items() >= {"label": "largest entropy", "split": "test", "image": 3}.items()
    assert len(entry["values"]) == 2
    text = (tmp_path / "out" / "claims.md").read_text()
    assert '<a id="added"></a>\n\n## It is uncertain.\n' in text
    (row,) = (line for line in text.splitlines() if line.startswith("| largest entropy | "))
    assert row.count("n = 2") == 2
    assert "figures/-" not in text
    assert "| added | reproduced |" in markdown(verdict_table(content))
    shown = page_data(tmp_path / "out", Parts())
    assert shown is not None
    assert "“It is uncertain.”" in shown["summary"]
    of_weight = shown["groups"]["Central claims"][-1]
    assert [name for name, _ in of_weight["numbers"]] == ["largest entropy"]
    assert of_weight["figures"] == []
    numbers = where(claims_numbers(content), claim="added", recipe="article", split="test")
    assert numbers["value"].tolist() == entry["values"]
