from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from search.cli.app import app
from search.lr_range.finding import find_range, rates
from search.lr_range.runner import RangeTest, result_line, run
from search.sweep.plan import make_plan
from search.sweep.sweep_file import read_sweep
from tests.support.rated import Rated
from trainables.errors import SteadytuneError
from trainables.settings import read_yaml


def range_test_of(data: Path, **more: Any) -> RangeTest:
    defaults: dict[str, Any] = {"recipe": "tests.support.rated:Rated", "preset": "tiny", "values": {}, "epochs": 2}
    return RangeTest(data=data, **(defaults | more))


def test_each_rate_is_trained_from_scratch_for_its_few_epochs(data: Path, tmp_path: Path) -> None:
    results = list(run(range_test_of(data), rates(1e-5, 1e-1, 5), tmp_path))
    assert [result.rate for result in results] == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
    assert {len(result.losses) for result in results} == {2}
    assert find_range(results).best == pytest.approx(1e-2)
    assert results[3].metric == pytest.approx(1.0)


def test_the_warm_up_is_switched_off_unless_the_user_sets_it(data: Path) -> None:
    assert range_test_of(data).overrides(0.5) == {"warmup_epochs": 0, "lr": 0.5}
    assert range_test_of(data, values={"warmup_epochs": 3}).overrides(0.5) == {"warmup_epochs": 3, "lr": 0.5}


def test_two_failed_rates_in_a_row_end_the_test(data: Path, tmp_path: Path) -> None:
    results = list(run(range_test_of(data), rates(1e-3, 1e3, 7), tmp_path))
    assert [result.rate for result in results] == pytest.approx([1e-3, 1e-2, 1e-1, 1.0, 10.0])
    assert [result.failed for result in results] == ["", "", "", *["weights of head are no longer finite"] * 2]


def test_a_training_without_an_epoch_has_failed(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rated, "train", lambda *arguments: iter(()))
    results = list(run(range_test_of(data), rates(1e-3, 1e-1, 4), tmp_path))
    assert [result_line(result, "score") for result in results] == [
        "rate 0.001: failed: it trained no epoch",
        "rate 0.00464: failed: it trained no epoch",
    ]


def test_rates_go_a_decade_beyond_the_searched_range(data: Path) -> None:
    assert range_test_of(data).bounds() == pytest.approx((1e-5, 1.0))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"field": "rate"}, "field is rate; it is no setting of rated"),
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"preset": "huge"}, "unknown preset 'huge'"),
    ],
)
def test_what_cannot_be_tested_is_refused_before_training(
    data: Path, tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(SteadytuneError, match=words):
        list(run(range_test_of(data, **more), rates(1e-3, 1e-1, 4), tmp_path))


def test_the_command_writes_a_range_that_launch_takes(data: Path, tmp_path: Path) -> None:
    words = [
        "lr-range",
        "tests.support.rated:Rated",
        "--data",
        data,
        "--preset",
        "tiny",
        "--epochs",
        2,
        "--set",
        "epochs=20",
    ]
    result = CliRunner().invoke(app, [*map(str, words), "--rates", "13", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "rate 1: failed in epoch 1: weights of head are no longer finite" in result.output
    assert "lowest loss" in result.output
    assert (tmp_path / "out" / "lr-range.png").read_bytes().startswith(b"\x89PNG")
    file = tmp_path / "out" / "lr-range.yaml"
    chosen = read_yaml(file)["set"]["lr"]
    assert 1e-4 < chosen["low"] < 5e-3 < chosen["high"] < 1e-1
    plan = make_plan(read_sweep(file, {"trials": 3, "enqueue": []}))
    assert (plan.ranges["lr"].low, plan.ranges["lr"].high) == (chosen["low"], chosen["high"])
    assert plan.max_epochs == 20
