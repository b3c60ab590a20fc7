from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from search.cli import app as cli
from search.pruning.curve import Curve, Point
from search.replay.choose_defaults import Choice, Cost, choose
from search.replay.figure import chart
from search.replay.recording import Recording, Run
from search.replay.scores import SCHEDULERS, interval, scores
from search.replay.simulation import simulate, simulate_shuffled
from search.views.charts.chart import Panel
from search.views.charts.file import check_figure_path, write_chart
from trainables.errors import DataError, SettingsError, SteadytuneError


def recording(values: list[list[float]], mode: str = "max", censored: tuple[int, ...] = ()) -> Recording:
    runs = tuple(
        Run(
            str(index),
            Curve(mode, [Point(epoch, value, 1.0 / epoch) for epoch, value in enumerate(run_values, start=1)]),
            (1.0,) * len(run_values),
            {},
            index in censored,
        )
        for index, run_values in enumerate(values)
    )
    return Recording("made up", "score", mode, max(map(len, values)), runs)  # type: ignore[arg-type]


def rising(runs: int = 12, epochs: int = 20, seed: int = 0) -> Recording:
    draw = random.Random(seed)
    return recording(
        [
            [quality * (1 - math.exp(-0.2 * epoch)) + draw.gauss(0, 0.005) for epoch in range(1, epochs + 1)]
            for quality in (draw.random() for _ in range(runs))
        ]
    )


# --- simulations ------------------------------------------------------------------------------------------------


def test_without_a_scheduler_all_is_trained_and_nothing_lost() -> None:
    result = simulate_shuffled(rising(), {"scheduler": "none"}, workers=4, seed=0)
    assert (result.epochs, result.regret, result.winner_stopped) == (1.0, 0.0, "")
    assert result.reasons == {"done": 12}
    assert result.seconds == pytest.approx(1.0)


def test_asha_trains_less_and_says_who_ended_why() -> None:
    result = simulate_shuffled(rising(), {"scheduler": "asha"}, workers=4, seed=0)
    assert result.epochs < 0.6
    assert result.reasons["rung"] > result.reasons["done"] > 0


def test_no_stopped_run_is_re_trained_as_an_audit() -> None:
    """A recording already knows how a stopped run would have ended; of 20, a sweep would re-train one."""
    result = simulate_shuffled(rising(runs=40, epochs=9), {"scheduler": "stopping"}, workers=40, seed=0)
    assert result.reasons["rung"] >= 20
    assert sum(result.reasons.values()) == 40


@pytest.mark.parametrize(("objective", "regret"), [("best_mean", 1 / 3), ("best", 0.5), ("last", 1 / 3)])
def test_regret_is_what_the_best_result_lacks(objective: str, regret: float) -> None:
    recorded = recording([[0.1, 0.2, 0.8, 0.8], [0.4, 0.4, 0.4, 0.4]])
    stopping = {"scheduler": "stopping", "grace_epochs": 2, "reduction_factor": 2, "objective": objective}
    result = simulate_shuffled(recorded, stopping, workers=2, seed=0)
    assert result.regret == pytest.approx(regret)
    assert result.winner_stopped == "rung"


@pytest.mark.parametrize(("objective", "regret"), [("best_mean", 0.0), ("best", 0.0), ("last", 0.5)])
def test_a_run_that_was_stopped_is_a_result_by_what_it_had_reached(objective: str, regret: float) -> None:
    """The first run is stopped at epoch 4; by its end it would be the best."""
    recorded = recording([[0.8, 0.8, 0.8, 0.1, 0.7, 0.8, 0.8, 0.8], [0.1, 0.2, 0.3, 0.4, 0.4, 0.4, 0.4, 0.4]])
    stopping = {"scheduler": "stopping", "grace_epochs": 4, "reduction_factor": 2, "objective": objective}
    result = simulate_shuffled(recorded, stopping, workers=2, seed=0)
    assert result.winner_stopped == "rung"
    assert result.regret == pytest.approx(regret)


def test_a_metric_to_minimise_is_simulated_the_other_way_round() -> None:
    recorded = recording([[0.9, 0.8, 0.7, 0.6], [0.5, 0.4, 0.3, 0.2]], mode="min")
    score = simulate_shuffled(
        recorded, {"scheduler": "stopping", "grace_epochs": 1, "reduction_factor": 2}, workers=2, seed=0
    )
    assert (score.regret, score.winner_stopped) == (0.0, "")


def test_a_run_that_had_been_cut_off_cannot_win() -> None:
    recorded = recording([[0.9], [0.1, 0.2, 0.3]], censored=(0,))
    assert simulate_shuffled(recorded, {"scheduler": "none"}, workers=1, seed=0).regret == 0.0
    with pytest.raises(DataError, match="made up: none of its runs was trained to its end with a score"):
        simulate_shuffled(recording([[0.9], [0.1]], censored=(0, 1)), {"scheduler": "none"}, workers=1, seed=0)


def test_workers_wait_for_nobody_and_share_the_time() -> None:
    with_one_worker = simulate(rising(), {"scheduler": "none"}, 1, list(range(12)))[1]
    with_four = simulate(rising(), {"scheduler": "none"}, 4, list(range(12)))[1]
    assert (with_one_worker, with_four) == (240.0, 60.0)


@settings(deadline=None, max_examples=25)
@given(
    values=st.lists(
        st.lists(st.none() | st.sampled_from([0.0, 0.5, -1.0, 1e9, math.nan, math.inf]), min_size=1, max_size=12),
        min_size=2,
        max_size=8,
    ),
    scheduler=st.sampled_from(["asha", "stopping", "none"]),
    workers=st.integers(1, 5),
    mode=st.sampled_from(["max", "min"]),
)
def test_whatever_was_recorded_every_run_ends_once(
    values: list[list[float | None]], scheduler: str, workers: int, mode: str
) -> None:
    recorded = recording(values, mode)  # type: ignore[arg-type]
    state, seconds = simulate(recorded, {"scheduler": scheduler}, workers, list(range(len(values))))
    assert len(state.trials.search) == len(values)
    assert all(trial.decision is not None for trial in state.trials.search)
    assert seconds <= recorded.seconds


def test_one_replay_decision_by_decision() -> None:
    """What a change of the rules changes, this shows."""
    recorded = recording([[0.1 * (quality + epoch) for epoch in range(1, 7)] for quality in (0, 3, 1, 2)])
    state, _ = simulate(recorded, {"scheduler": "asha", "grace_epochs": 1, "min_peers": 2}, 2, [0, 1, 2, 3])
    log = [
        (
            trial.started.trial,
            decision.epoch,
            decision.action,
            decision.numbers.get("rank"),
            decision.numbers.get("peers"),
        )
        for trial in state.trials.search
        for decision in trial.decisions
    ]
    assert log == [
        (0, 1, "pause", 1, 1),
        (0, 1, "stop", 4, 4),
        (1, 1, "continue", 1, 2),
        (1, 2, "pause", 1, 1),
        (1, 2, "continue", 1, 1),
        (1, 3, "continue", 1, 1),
        (1, 4, "continue", 1, 1),
        (1, 5, "pause", 1, 1),
        (1, 5, "continue", 1, 2),
        (1, 6, "stop", None, None),
        (2, 1, "pause", 2, 3),
        (2, 1, "continue", 3, 4),
        (2, 2, "pause", 3, 3),
        (2, 2, "stop", 3, 3),
        (3, 1, "pause", 2, 4),
        (3, 1, "continue", 2, 4),
        (3, 2, "continue", 2, 2),
        (3, 3, "continue", 2, 2),
        (3, 4, "continue", 2, 2),
        (3, 5, "pause", 2, 2),
        (3, 5, "continue", 2, 2),  # of so few trials two train to their end
        (3, 6, "stop", None, None),
    ]


# --- scores ------------------------------------------------------------------------------------------------------


def test_scores_are_the_same_each_time_and_name_the_worst() -> None:
    recordings = [rising(seed=1), rising(seed=2)]
    first, second = (list(scores(recordings, {"asha": {"scheduler": "asha"}}, 4, 3)) for _ in range(2))
    assert first == second
    assert first[0].simulations == 6
    assert first[0].regret_interval[0] <= first[0].regret <= first[0].regret_interval[1]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_an_interval_holds_its_mean_loosely(values: list[float]) -> None:
    low, high = interval(values)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_the_verb_prints_a_table_or_json(tmp_path: Path) -> None:
    rows = [f"{run},{epoch},{0.1 * run * epoch}" for run in range(4) for epoch in range(1, 11)]
    (tmp_path / "runs.csv").write_text("run,epoch,map\n" + "\n".join(rows) + "\n")
    arguments = ["replay", str(tmp_path / "runs.csv"), "--metric", "map", "--orders", "2"]
    shown = CliRunner().invoke(cli.app, arguments).output
    assert "4 trainings in 1 recordings, 40 epochs; 4 workers, 2 orders" in shown
    assert [line.split()[0] for line in shown.splitlines()[1:5]] == ["scheduler", "none", "stopping", "asha"]
    policy = ["--policy", "scheduler=asha,min_peers=2,stability.strict=true", "--json"]
    (row,) = json.loads(CliRunner().invoke(cli.app, arguments + policy).output)
    assert row["policy"] == "scheduler=asha,min_peers=2,stability.strict=true"
    failed = CliRunner().invoke(cli.app, [*arguments, "--policy", "min_peer=2"])
    assert isinstance(failed.exception, SteadytuneError)


def test_a_figure_has_a_point_and_an_interval_a_policy(tmp_path: Path) -> None:
    rows = list(scores([rising(seed=1), rising(seed=2)], SCHEDULERS, 4, 2))
    panels = chart(rows).body
    assert isinstance(panels, tuple)
    (panel,) = panels
    assert isinstance(panel, Panel)
    assert [series.name for series in panel.series] == ["none", "", "stopping", "", "asha", ""]
    everything, line = panel.series[:2]
    assert list(everything.x) == [pytest.approx(93.75, abs=0.001)], (
        "who is far behind the peers at half of the epochs is stopped without rungs too"
    )
    assert (everything.y, line.y) == ((0.0,), (0.0, 0.0))
    write_chart(chart(rows), tmp_path / "figure.png")
    write_chart(chart(rows), tmp_path / "figure.html")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "stopping" in (tmp_path / "figure.html").read_text()


@pytest.mark.parametrize(
    ("path", "words"), [("figure.gif", "must end in .png or .html"), ("no/figure.png", "no is no folder; make it")]
)
def test_a_figure_that_cannot_be_written_is_refused_before_the_simulations(path: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        check_figure_path(Path(path))


# --- the choice of settings --------------------------------------------------------------------------------------


def late_bloomer(seed: int) -> Recording:
    """The best run is behind all others for the first fifth of its training."""
    usual = rising(11, 40, seed)
    best = [0.0 if epoch <= 8 else 1.2 * (1 - math.exp(-0.3 * (epoch - 8))) for epoch in range(1, 41)]
    return recording([*([point.value or 0.0 for point in run.curve.points] for run in usual.runs), best])


def test_a_choice_is_checked_on_recordings_that_it_was_not_made_by() -> None:
    choice = choose([rising(12, 20, seed) for seed in range(3)], workers=4, orders=2)
    assert choice.held_out is not None
    assert choice.fitted.epochs <= choice.default.epochs
    assert choice.fitted.regret <= choice.default.regret
    assert choice.fitted.regret <= choice.held_out.regret, "what others choose cannot beat what these would"


def test_too_few_recordings_give_a_choice_that_says_it_is_unchecked() -> None:
    choice = choose([late_bloomer(0), late_bloomer(1)], workers=4, orders=1)
    assert (choice.held_out, choice.gain) == (None, None)
    assert "keep it" in choice.verdict or "3 recordings or more are needed" in choice.verdict


def choice(gain: tuple[float, float] | None, grace: float = 0.2) -> Choice:
    cost = Cost(0.3, 0.01)
    return Choice(grace, 1.4, cost, cost, cost if gain else None, gain)


def test_the_verdict_follows_from_the_interval() -> None:
    assert choice((0.01, 0.02)).verdict.endswith("use it")
    assert choice((-0.01, 0.02)).verdict.endswith("keep the default")
    assert choice(None).verdict.endswith("to check it on others")
    assert choice((0.01, 0.02), grace=0.08).verdict.endswith("keep it.")


def test_defaults_are_looked_for_on_the_command_line(tmp_path: Path) -> None:
    rows = [f"{run},{epoch},{0.1 * run * epoch}" for run in range(4) for epoch in range(1, 11)]
    (tmp_path / "runs.csv").write_text("run,epoch,map\n" + "\n".join(rows) + "\n")
    arguments = ["replay", str(tmp_path / "runs.csv"), "--metric", "map", "--orders", "1", "--sweep-defaults"]
    shown = CliRunner().invoke(cli.app, arguments).output
    assert "all: the default" in shown
    printed = json.loads(CliRunner().invoke(cli.app, [*arguments, "--json"]).output)
    assert printed.keys() == {"grace", "factor", "fitted", "default", "held_out", "gain", "verdict"}
