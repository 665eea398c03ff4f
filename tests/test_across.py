"""Decisions of several runs side by side, and how far rankings of methods agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.across import (
    AS_MANY,
    BY_ALL,
    IN_PART,
    NO,
    UNKNOWN,
    YES,
    ComparedRun,
    agreement,
    pivot,
    rank_correlations,
    read_runs,
    write_across,
)
from benchmarks.io import UserError
from benchmarks.report.answer.answer import write_answer
from benchmarks.report.results import Candidate, Results, summary_across, summary_beside
from benchmarks.schema import write_table
from benchmarks.vocabulary import ACROSS_JSON, ACROSS_MD, DECISION_CSV, SUMMARY_CSV
from tests.processes import status_of
from tests.report.answer.cases import (
    CLEAN,
    DROPOUT,
    FIFTY,
    FIVE,
    ONE_CLEAN,
    PLAIN,
    SOFTMAX,
    WORSE,
    compared,
    ranked,
    run,
)

CHOICES = (SOFTMAX, DROPOUT, FIVE, FIFTY, Candidate("standard", "mc_dropout", "20"), PLAIN)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("Ab", "Ac"), YES),
        (("Ab", "aB"), IN_PART),
        (("Ab", "Cb"), IN_PART),
        (("AB", "A"), IN_PART),
        (("Ab", "Ab", "Cd"), NO),
        (("A", ""), UNKNOWN),
    ],
)
def test_answers_agree_by_what_they_recommend_and_by_what_is_tied(
    given: tuple[str, ...], expected: str
) -> None:
    """A capital letter is recommended."""
    answers = [{one.lower(): BY_ALL if one.isupper() else "" for one in answer} for answer in given]
    assert agreement(answers) == expected


def test_answers_that_are_split_by_other_measures_agree_in_part() -> None:
    split = {"ensemble": "accuracy", "dropout": "NLL"}
    assert agreement([split, dict(split)]) == YES
    assert agreement([split, {"ensemble": "NLL", "dropout": "accuracy"}]) == IN_PART


def written(results: Results, folder: Path) -> Path:
    """A folder with the files of a run that are read."""
    (folder / "tables").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    results.names.write(folder)
    summary = results.summary.assign(task="", budget=1)
    write_table(summary, folder, SUMMARY_CSV)
    write_answer(results, folder)
    return folder


def test_decisions_are_pivoted_by_run(tmp_path: Path) -> None:
    folders = []
    for name, order in (("one", [[DROPOUT], [SOFTMAX]]), ("other", [[SOFTMAX, DROPOUT]])):
        tests = [*ranked(order, CLEAN, ONE_CLEAN), *compared(DROPOUT, FIFTY, CLEAN, WORSE)]
        tests += ranked([[PLAIN]], CLEAN, ONE_CLEAN)
        results = run(dict.fromkeys((SOFTMAX, DROPOUT, FIFTY, PLAIN), CLEAN), tests)
        folders.append(written(results, tmp_path / name))
    table = pivot(read_runs(folders)).set_index(["situation", "images"])
    assert table.loc[AS_MANY].tolist() == ["yes", "No", "No", "No"]
    clean = table.loc[("I train one network", "Clean images")]
    dropout = "MC-dropout (T = 100)"
    assert clean.tolist() == ["in part", dropout, dropout, f"Softmax; {dropout}"]
    assert (table["agree"] == UNKNOWN).any()
    out = tmp_path / "across"
    out.mkdir()
    told = write_across(folders, out)
    assert told in (out / ACROSS_MD).read_text()
    assert {path.name for path in out.iterdir()} == {
        *(ACROSS_MD, ACROSS_JSON, "decisions.csv", "rankings.csv")
    }
    assert summary_across(out) == summary_beside(folders[0]) == told
    (folders[1] / SUMMARY_CSV).write_text("of another run")
    assert summary_beside(folders[1]) == ""
    (out / ACROSS_JSON).write_text('{"runs": "mni')
    with pytest.raises(UserError, match=r"across\.json is damaged .* run uncertainty-bench across"):
        summary_across(out)
    assert summary_beside(folders[0]) == ""


def with_values(order: Mapping[Candidate, float]) -> ComparedRun:
    results = run(dict.fromkeys(order, CLEAN))
    keys = zip(*(results.summary[name] for name in ("recipe", "method", "members")), strict=True)
    values = [order[Candidate(*key)] for key in keys]
    return ComparedRun(
        str(hash(tuple(values))), replace(results, summary=results.summary.assign(value=values)), {}
    )


def test_rank_correlation_is_of_the_methods_of_both_runs_by_their_main_recipe() -> None:
    random = np.random.default_rng(0)
    one, other = (dict(zip(CHOICES, random.random(6), strict=True)) for _ in range(2))
    table = rank_correlations([with_values(one), with_values(other)])
    main = [choice for choice in CHOICES if choice.recipe == "standard"]
    assert len(main) == 5
    values = [[run[choice] for choice in main] for run in (one, other)]
    expected = stats.spearmanr(*values).statistic
    assert table.iloc[:2, 2].tolist() == pytest.approx([expected] * 2)
    few = dict(list(other.items())[:4])
    assert rank_correlations([with_values(one), with_values(few)]).iloc[:, 2].isna().all()


def test_runs_that_cannot_be_compared_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, old = (written(run({SOFTMAX: CLEAN}), tmp_path / name) for name in ("good", "old"))
    (old / DECISION_CSV).write_text("use\nsoftmax\n")
    with pytest.raises(UserError, match="name the folders of two runs or more"):
        read_runs([good])
    with pytest.raises(UserError, match="good' is given twice"):
        read_runs([good, good])
    with pytest.raises(UserError, match=r"decision\.csv has no column 'question'"):
        read_runs([good, old])
    assert status_of("across", tmp_path, good) == 2
    assert re.fullmatch(r"error: there are no results in [^\n]*\n", capsys.readouterr().err)
    assert status_of("across", good, "--out", good) == 2
    assert "this folder holds a run; name another folder" in capsys.readouterr().err
