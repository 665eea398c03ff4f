"""Tables and figures of the claims, from files alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import Part, Verdict, bounded
from benchmarks.claims.statements import accuracy, certainty, imitation, missing_data
from benchmarks.claims.statements.certainty import COUNTS
from benchmarks.claims.statements.cost import worth_by
from benchmarks.claims.statements.count_plots import votes_for
from benchmarks.claims.statements.similarity import auroc_less
from benchmarks.report import write_report
from benchmarks.report.claims_page import claims_page
from benchmarks.report.figures import claims, training, votes
from benchmarks.report.numbers.claims import quantities
from benchmarks.report.read.files import claims_numbers
from benchmarks.report.results import Results
from benchmarks.report.tables.claims import claims_tables, verdict_table
from benchmarks.report.tables.formats import as_frame, markdown
from benchmarks.report.tables.latex import latex
from benchmarks.schema import Quantity, read_table, where, write_table
from benchmarks.vocabulary import CEILING, IMITATION, LEAST_OF_CEILING, NOUNS_JSON, PAIRS
from tests.report.support import nouns

NETWORKS = 4


def part(what: str, holds: bool | None) -> dict[str, object]:
    return Part(what, "0.5 (0.4 to 0.6)", holds)._asdict()


def content() -> dict[str, object]:
    """What the stage `claims` writes, with made-up numbers of four networks."""
    random = np.random.default_rng(0)

    def of_networks(low: float, high: float) -> list[float]:
        return [float(value) for value in random.uniform(low, high, NETWORKS).round(3)]

    shares = {
        certainty.count(what, *one, condition): [float(number)] * NETWORKS
        for condition in ("clean", "rotated-030")
        for what, number in (("images", 20), ("correct", 15))
        for one in certainty.BINS
    }
    shares |= {certainty.count(what, *certainty.BINS[0]): [0.0] * NETWORKS for what in COUNTS}
    rank_agreement = {
        imitation.correlation(measure, pair, images): of_networks(0.4, 0.9)
        for measure in imitation.MEASURES
        for pair in PAIRS
        for images in imitation.IMAGES
    }
    lack = {
        missing_data.mean_of(method, measure, condition, name): of_networks(0, 0.3)[:count]
        for method, count in (("mc_dropout", NETWORKS), ("deep_ensemble", 1))
        for measure in imitation.MEASURES
        for condition in missing_data.IMAGES
        for name in missing_data.LABELS
    }
    rise = {accuracy.correlation_with_epoch("training"): [math.nan, 0.95, 1.0, 1.0]}
    numbers: dict[str, Mapping[Quantity, list[float]]] = {
        "image-61": {votes_for(c, 61): [10.0] * NETWORKS for c in range(10)},
        "image-591-many-for-3": {votes_for(c, 591): [10.0] * NETWORKS for c in range(10)},
        "certain-when-agreeing": shares,
        "dropout-mimics-ensemble": rank_agreement,
        "epistemic-is-missing-data": lack,
        "accuracy-rises": rise,
        "fifty-is-expensive": {},
    }
    by_loss = {"article": 0.3, "article-logits": 0.2}
    return {
        "setting": {
            "recipe": "standard",
            "passes": 100,
            "networks": NETWORKS,
            "epochs": 10,
            "images": 1234,
            "ood": ["Fashion-MNIST", "Uniform noise"],
            "unavailable": ["KMNIST", "notMNIST"],
            "beside": {"article-logits": 2, "standard": 3},
        },
        "claims": [
            {
                "id": id,
                "statement": f"{id} | 62 holds.",
                "place": "somewhere",
                "weight": CLAIMS[id].weight,
                "task": "mnist",
                "rule": "A rule.",
                "against": "",
                "verdict": Verdict.PARTLY.value if some else Verdict.NOT_TESTABLE.value,
                "why": "a | reason",
                "beside": {"article-logits": "the same"} if some else {},
                "verdicts_beside": {"article-logits": "reproduced"} if some else {},
                "parts": {"standard": [part("a | b", True), part("c", None)]} if some else {},
                "figure": CLAIMS[id].figure,
                "numbers": {"standard": [one.entry(values) for one, values in some.items()]}
                if some
                else {},
            }
            for id, some in numbers.items()
        ],
        "double_softmax": {
            "claim": "image-591-many-for-3",
            "image": 591,
            "rows": [
                {"method": "Softmax", "measure": "ECE", "values": by_loss}
                | {"difference": 0.1, "lower": 0.08, "upper": 0.12},
                {"method": "Deep ensemble", "measure": "ECE", "values": by_loss}
                | {"difference": 0.1},
            ],
        },
    }


@pytest.fixture(scope="module")
def folder(reported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with claims in it, without what was drawn of it."""
    folder = tmp_path_factory.mktemp("claims")
    for name in (
        "measurements.csv",
        "summary.csv",
        "comparisons.csv",
        "images.npz",
        "training.csv",
        NOUNS_JSON,
    ):
        (folder / name).write_bytes((reported / name).read_bytes())
    (folder / "claims.json").write_text(json.dumps(content()))
    random = np.random.default_rng(1)
    spread = pd.DataFrame(
        {
            "recipe": "standard",
            "image": image,
            "class": c,
            "networks": NETWORKS,
            "mean_share": 0.1,
            "std_by_network": random.uniform(0, 0.1),
            "std_by_passes": 0.03,
            "variance_by_network": 0.5,
            "sampled_std": 0.1,
        }
        for image in (61, 591)
        for c in range(10)
    )
    write_table(spread, folder / "claims", "spread.csv")
    return folder


@pytest.fixture(scope="module")
def drawn(folder: Path) -> Path:
    write_report(folder)
    return folder


def test_every_figure_and_table_of_the_claims_is_written(drawn: Path) -> None:
    figures = {path.stem for path in (drawn / "figures").glob("claims-*.png")}
    assert figures == {
        f"claims-{name}-standard"
        for name in ("count-plots", "certainty", "rank-agreement", "missing-data", "spread")
    }
    tables = {path.name for path in (drawn / "tables").glob("claims*.md")}
    assert tables == {"claims.md", "claims-spread-standard.md"}


@pytest.mark.slow
def test_drawing_again_writes_the_same_bytes(drawn: Path) -> None:
    paths = [*(drawn / "figures").glob("claims*"), *(drawn / "tables").glob("claims*")]
    before = {path: path.read_bytes() for path in paths}
    write_report(drawn)
    assert {path: path.read_bytes() for path in paths} == before


def test_without_claims_nothing_of_them_is_drawn(reported: Path) -> None:
    assert not list((reported / "figures").glob("claims*"))
    assert not list((reported / "tables").glob("claims*"))


def test_other_recipes_have_no_figures_of_these_numbers(folder: Path) -> None:
    results = Results.load(folder).of_recipe("plain")
    for group in (
        votes.article_image_figures,
        claims.certainty_figures,
        claims.rank_agreement_figures,
        claims.missing_data_figures,
        claims.spread_figures,
    ):
        assert list(group(results, {})) == []
    assert list(claims_tables(results, "plain")) == []


def test_count_plot_has_the_tasks_classes_and_the_runs_passes(folder: Path) -> None:
    names = Results.load(folder).names
    task = replace(names.task, classes=("cat", "dog", "owl"))
    numbers = pd.DataFrame(
        {"network": [0, 0, 1, 1], "class_number": [0, 1, 1, 2], "value": [3.0, 4.0, 5.0, 2.0]}
    ).assign(method="mc_dropout")
    ax = Figure().subplots()
    votes.draw_networks(ax, replace(names, tasks=(task,)), numbers)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["cat", "dog", "owl"]
    assert ax.get_title() == "Votes of 7 passes\n(2 networks; bars: mean)"


def test_bins_of_vote_shares_are_of_all_networks_together() -> None:
    numbers = claims_numbers(content())
    of_claim = numbers[numbers["claim"] == "certain-when-agreeing"]
    bins = claims.by_share(of_claim)
    assert list(dict.fromkeys(bins["condition"])) == ["clean", "rotated-030"]
    bins = where(bins, condition="clean")
    assert list(zip(bins["lower"], bins["upper"], strict=True)) == [
        (0.0, 0.5),
        (0.5, 0.6),
        (0.6, 0.7),
        (0.7, 0.8),
        (0.8, 0.9),
        (0.9, 1.0),
    ]
    assert bins["accuracy"].isna().tolist() == [True, *[False] * 5]
    assert set(bins["accuracy"].dropna()) == {0.75}


def test_verdicts_begin_at_a_share_of_the_ceiling() -> None:
    correlations = pd.DataFrame(
        {"score": "mutual_information", "pair": [IMITATION, CEILING], "value": [0.3, 0.5]}
    )
    ax = Figure().subplots()
    claims.draw_rank_agreement(ax, nouns(), correlations)
    drawn = [line.get_xdata()[0] for line in ax.lines[-2:]]
    assert drawn == [share * 0.5 for share in LEAST_OF_CEILING.values()]


def test_votes_that_several_claims_are_about_are_drawn_once(folder: Path) -> None:
    results = Results.load(folder)
    numbers = results.curve("claims")
    again = where(numbers, claim="image-591-many-for-3").assign(claim="image-591-few-for-7-or-9")
    twice = pd.concat([numbers, again], ignore_index=True)
    (drawing,) = votes.article_image_figures(
        replace(results, curves={**results.curves, "claims": twice}), {}
    )
    assert len(drawing.numbers) == 2 * 10 * NETWORKS


def test_verdicts_stand_in_a_table_in_all_its_forms() -> None:
    table = verdict_table(content())
    assert "| image-61 | partly reproduced | reproduced | — |" in markdown(table)
    assert "image-61 & partly reproduced" in latex(table)
    frame = as_frame(table)
    assert list(frame["Verdict"])[-1] == "not testable here"


def test_page_has_verdicts_numbers_and_the_cost_of_the_double_softmax() -> None:
    page = claims_page(content())
    for text in (
        "Claims are measured on 4 networks of `standard`, trained for 10 epochs; rules name "
        "further ones. MC-dropout takes 100 passes, "
        "unless a rule says otherwise. There are 1,234 test images, clean and rotated. The "
        "out-of-distribution images are Fashion-MNIST and Uniform noise. Left out, because their "
        "data are not available: KMNIST, notMNIST. For comparison, 2 networks of `article-logits` "
        "and 3 networks of `standard` predict rotated and out-of-distribution images. Some ",
        "`article-logits` leaves out the listing's extra softmax.",
        "**Central claims**\n\n| claim | `standard` | `article-logits` | `standard` |\n|---|",
        "| [image-61 \\| 62 holds.](#image-61) | *partly reproduced* | reproduced | — |",
        '<a id="image-61"></a>\n\n## image-61 | 62 holds.',
        "Source: the article's somewhere.",
        "**Verdict: *not testable here*.** a | reason.",
        "| votes for 3 | 10 [10 to 10, n = 4] |",
        "| training, rank correlation with epoch | 0.983 [0.950 to 1, n = 3] |",
        "| accuracy, clean, agreement 0.5–0.6 | 0.750 [0.750 to 0.750, n = 4] |",
        "| a \\| b | 0.5 (0.4 to 0.6): yes |\n| c | 0.5 (0.4 to 0.6) |",
        "**`article-logits`: *reproduced*.** the same.",
        "This table uses the 2 networks that both recipes have evaluated, so its means differ",
        "| Softmax | ECE | 0.300 | 0.200 | 0.100 ± 0.020 |",
        "| Deep ensemble | ECE | 0.300 | 0.200 | 0.100 |",
    ):
        assert text in page, text
    # The first bin has no image on clean images.
    assert "agreement 0.0–0.5 | —" not in page


def test_bounds_stand_beside_their_value_or_alone() -> None:
    entries = [
        one.entry([value])
        for ends, values in (
            (bounded(auroc_less("mc_dropout")), (-0.066, -0.08, -0.052)),
            (bounded(auroc_less("deep_ensemble")), (-0.063, math.nan, math.nan)),
            ((worth_by("nll", "upper"),), (1.0,)),
        )
        for one, value in zip(ends, values, strict=True)
    ]
    alike = [Quantity(label, "ratio").entry([value]) for label, value in (("a", 1.0), ("b", 2.0))]
    rows = dict(quantities({"numbers": {"article": entries + alike}, "parts": {}}))
    assert rows == {
        "AUROC: softmax minus MC-dropout": ["−0.066 (−0.080 to −0.052)"],
        "AUROC: softmax minus ensemble": ["−0.063"],
        "worth of 100 passes in networks, clean images, by NLL": ["< 1"],
        "a": ["1"],
        "b": ["2"],
    }


def test_numbers_of_an_earlier_claim_are_not_shown_again() -> None:
    again = content()
    by_id = {one["id"]: one for one in again["claims"]}  # type: ignore[attr-defined]
    by_id["image-591-many-for-3"]["numbers"] = by_id["image-61"]["numbers"]
    page = claims_page(again)
    assert page.count("| votes for 3 |") == 1
    assert "The numbers are those of [this claim](#image-61)." in page


def test_training_figure_has_no_dropout_on_where_there_is_none(reported: Path) -> None:
    log = read_table(reported, "training.csv")
    earlier = log["accuracy_dropout_on"].fillna(0.5)  # runs that measured it on both splits
    none = log["accuracy"].where(log["accuracy_dropout_on"].notna())
    for changed, expected in (
        (log["accuracy_dropout_on"], 1),
        (earlier, 2),
        (none, 0),
        (log["accuracy"], 0),
    ):
        results = replace(Results.load(reported), training=log.assign(accuracy_dropout_on=changed))
        (drawing,) = training.training_figures(results, {})
        labels = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
        assert sum(label.endswith("dropout on") for label in labels) == expected


def test_training_figure_shows_what_the_article_tells_for_its_recipe_alone(
    reported: Path,
) -> None:
    log = read_table(reported, "training.csv")
    longer = pd.concat([log, log.assign(epoch=10)])
    results = Results.load(reported)
    for recipe, expected in (("article", 1), ("standard", 0)):
        of_recipe = replace(
            results,
            summary=results.summary.assign(recipe=recipe),
            names=nouns(recipes=(recipe,), epochs=10),
            training=longer.assign(recipe=recipe),
        )
        (drawing,) = training.training_figures(of_recipe, {})
        labels = [text.get_text() for text in drawing.figure.legends[0].get_texts()]
        assert labels.count("As the article reports") == expected


def test_training_sets_are_drawn_in_the_order_of_the_claim(folder: Path) -> None:
    results = Results.load(folder)
    (drawing,) = claims.missing_data_figures(results, {})
    drawn = [text.get_text() for text in drawing.figure.axes[-1].get_xticklabels()]
    assert drawn == ["1,000", "10,000", "all", "all,\nrotated"]
