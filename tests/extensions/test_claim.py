"""A claim: `nouns/noise_claim.py`, and a line of the register."""

from __future__ import annotations

import json
import re

import pytest

from tests.extensions.support import Written

pytestmark = pytest.mark.slow

NAME = "noise-lowers-accuracy"


def test_it_is_measured_and_judged(written: Written) -> None:
    claims = json.loads((written.folder / "claims.json").read_text())["claims"]
    claim = claims[-1]
    # The first of two parts.
    assert (claim["id"], claim["verdict"]) == (NAME, "partly reproduced")
    clean, noisy = (entry["values"] for entry in claim["numbers"]["article"])
    assert len(clean) == 3
    of_noise = written.rows("measurements.csv", method="softmax", metric="accuracy")
    of_noise = of_noise[of_noise["condition"] == "noise-40"].set_index("replicate")["value"]
    assert noisy[:2] == pytest.approx([of_noise[0], of_noise[1]])


def test_it_is_in_table_and_text(written: Written) -> None:
    rows = [row[:3] for row in written.table("claims")]
    assert ["Supporting claims", NAME, "partly reproduced"] in rows
    text = (written.folder / "claims.md").read_text(encoding="utf-8")
    assert f'<a id="{NAME}"></a>\n\n## Noise lowers the accuracy.' in text
    assert "figures/noisy-accuracy-article.png" in text


def test_it_is_on_the_page_with_its_figure(written: Written) -> None:
    claim = written.section("claims").split(f'id="claim-{NAME}"')[1].split("</li>")[0]
    assert "Noise lowers the accuracy." in claim
    assert "accuracy, noise-40" in claim
    assert re.search(r'data-packed="[^"]+-article"', claim)
    assert 'href="figures/noisy-accuracy-article.png"' in claim
