from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from fakes import plan_of
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner
from workers import swept

from search.cli import app as cli
from search.pruning.curve import Curve, Point
from search.replay.choose import Choice, Cost, choose
from search.replay.figure import chart
from search.replay.race import outcome, race
from search.replay.recording import Recording, Run
from search.replay.sources import read
from search.replay.table import POLICIES, interval, scores
from search.views.chart import Panel
from search.views.chart_file import check_path, write
from trainables.errors import DataError, SettingsError, SteadytuneError


def recording(values: list[list[float]], mode: str = "max", censored: tuple[int, ...] = ()) -> Recording:
    runs = tuple(
        Run(
            str(place),
            Curve(mode, [Point(epoch, value, 1.0 / epoch) for epoch, value in enumerate(one, start=1)]),
            (1.0,) * len(one),
            {},
            place in censored,
        )
        for place, one in enumerate(values)
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


# --- races -------------------------------------------------------------------------------------------------------


def test_without_a_scheduler_all_is_trained_and_nothing_lost() -> None:
    found = outcome(rising(), {"scheduler": "none"}, workers=4, seed=0)
    assert (found.epochs, found.regret, found.winner_stopped) == (1.0, 0.0, "")
    assert found.reasons == {"done": 12}
    assert found.seconds == pytest.approx(1.0)


def test_asha_trains_less_and_says_who_ended_why() -> None:
    found = outcome(rising(), {"scheduler": "asha"}, workers=4, seed=0)
    assert found.epochs < 0.6
    assert found.reasons["rung"] > found.reasons["done"] > 0


def test_no_stopped_run_is_trained_again_as_an_audit() -> None:
    """A recording already knows what a stopped run would have come to; of so many, a sweep would train one again."""
    found = outcome(rising(runs=40, epochs=9), {"scheduler": "stopping"}, workers=40, seed=0)
    assert found.reasons["rung"] >= 20
    assert sum(found.reasons.values()) == 40


def test_regret_is_what_the_best_finished_run_lacks() -> None:
    made = recording([[0.1, 0.2, 0.8, 0.8], [0.4, 0.4, 0.4, 0.4]])
    found = outcome(made, {"scheduler": "stopping", "grace_epochs": 2, "reduction_factor": 2}, workers=2, seed=0)
    assert found.regret == pytest.approx(0.5)
    assert found.winner_stopped == "rung"


def test_a_metric_to_minimise_is_raced_the_other_way_round() -> None:
    made = recording([[0.9, 0.8, 0.7, 0.6], [0.5, 0.4, 0.3, 0.2]], mode="min")
    found = outcome(made, {"scheduler": "stopping", "grace_epochs": 1, "reduction_factor": 2}, workers=2, seed=0)
    assert (found.regret, found.winner_stopped) == (0.0, "")


def test_a_run_that_had_been_cut_off_cannot_win() -> None:
    made = recording([[0.9], [0.1, 0.2, 0.3]], censored=(0,))
    assert outcome(made, {"scheduler": "none"}, workers=1, seed=0).regret == 0.0
    with pytest.raises(DataError, match="made up: none of its runs was trained to its end with a score"):
        outcome(recording([[0.9], [0.1]], censored=(0, 1)), {"scheduler": "none"}, workers=1, seed=0)


def test_workers_wait_for_nobody_and_share_the_time() -> None:
    one = race(rising(), {"scheduler": "none"}, 1, list(range(12)))[1]
    four = race(rising(), {"scheduler": "none"}, 4, list(range(12)))[1]
    assert (one, four) == (240.0, 60.0)


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
    made = recording(values, mode)  # type: ignore[arg-type]
    state, seconds = race(made, {"scheduler": scheduler}, workers, list(range(len(values))))
    assert len(state.search) == len(values)
    assert all(trial.decision is not None for trial in state.search)
    assert seconds <= made.seconds


def test_one_replay_decision_by_decision() -> None:
    """What a change of the rules changes, this shows."""
    made = recording([[0.1 * (quality + epoch) for epoch in range(1, 7)] for quality in (0, 3, 1, 2)])
    state, _ = race(made, {"scheduler": "asha", "grace_epochs": 1, "min_peers": 2}, 2, [0, 1, 2, 3])
    log = [
        (trial.started.trial, one.epoch, one.action, one.numbers.get("rank"), one.numbers.get("peers"))
        for trial in state.search
        for one in trial.decisions
    ]
    assert log == [
        (0, 1, "pause", 1, 1),
        (0, 1, "stop", 4, 4),
        (1, 1, "continue", 1, 2),
        (1, 2, "pause", 1, 1),
        (1, 2, "continue", 1, 1),
        (1, 3, "pause", 1, 1),
        (1, 3, "continue", 1, 1),
        (1, 5, "continue", 1, 1),
        (1, 6, "stop", None, None),
        (2, 1, "pause", 2, 3),
        (2, 1, "stop", 3, 4),
        (3, 1, "pause", 2, 4),
        (3, 1, "continue", 2, 4),
        (3, 2, "continue", 2, 2),
        (3, 3, "pause", 2, 2),
        (3, 3, "stop", 2, 2),
    ]


# --- sources -----------------------------------------------------------------------------------------------------


def test_a_sweep_is_read_from_its_journal(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "sweep"
    made = plan_of(data, trials=6, preset="long", scheduler="stopping", grace_epochs=3)
    conductor = swept(made, folder / "journal")
    (folder / "sweep.yaml").write_text(made.spec.dump())
    (found,) = read(folder)
    assert (found.metric, found.mode, found.max_epochs) == ("score", "max", 27)
    assert [run.curve.points for run in found.runs] == [trial.curve.points for trial in conductor.state.search]
    ends = {trial.started.trial: trial.decision for trial in conductor.state.search}
    cut = {trial for trial, end in ends.items() if end and end.reason == "rung"}
    assert {int(run.name) for run in found.runs if run.censored} == cut
    assert cut


def test_a_table_has_a_row_an_epoch(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("run,epoch,map,train_loss\na,1,0.1,2\na,2,,1.5\nb,1,0.3,nan\nb,2,0.4,1\n")
    (found,) = read(path, "map")
    assert found.max_epochs == 2
    assert [[point.value for point in run.curve.points] for run in found.runs] == [[0.1, None], [0.3, 0.4]]
    assert str(found.runs[1].curve.points[0].loss) == "nan"


@pytest.mark.parametrize(
    ("text", "metric", "words"),
    [
        ("run,epoch,map\na,1,0.1\n", None, "which column is the metric"),
        ("run,epoch,map\na,1,0.1\n", "mpa", "no column 'mpa'; did you mean 'map'"),
        ("run,epoch,map\na,1,high\n", "map", "run a, row 1: map is 'high'; it must be a number or empty"),
        ("run,epoch,map\na,1,0.1\n", "map", "no two comparable trainings"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, text: str, metric: str | None, words: str
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        read(path, metric)


def test_trainings_of_ultralytics_are_grouped_by_data_and_length(tmp_path: Path) -> None:
    header = "epoch, time, train/box_loss, train/cls_loss, metrics/mAP50-95(B), val/box_loss\n"
    for name, epochs, data in (("a", 2, "one.yaml"), ("b", 2, "one.yaml"), ("c", 2, "two.yaml")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "args.yaml").write_text(f"data: {data}\nepochs: {epochs}\nlr0: 0.01\n")
        (folder / "results.csv").write_text(header + "1, 9, 1.5, 0.5, 0.2, 1\n2, 9, 1, 0.5, 0, 0\n")
    (found,) = read(tmp_path)
    assert (found.name, [run.name for run in found.runs]) == ("one.yaml (2 epochs)", ["a", "b"])
    first, second = found.runs[0].curve.points
    assert (first.value, first.loss, first.held_out) == (0.2, 2.0, 1.0)
    assert second.value is None, "zeros in all that was validated mean that nothing was"
    assert found.runs[0].settings["lr0"] == 0.01


def test_a_log_of_yolox_has_losses_and_evaluations(tmp_path: Path) -> None:
    line = "2025-12-05 | INFO | yolox.core.trainer:260 - epoch: {}/3, iter: {}/20, mem: 1Mb, total_loss: {}, lr: 1e-3\n"
    ap = " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = {}\n"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        text = line.format(1, 10, 4.0) + line.format(1, 20, 2.0) + ap.format(0.125) + line.format(2, 10, 1.5)
        (tmp_path / name / "train_log.txt").write_text(text)
    (found,) = read(tmp_path)
    assert [(point.loss, point.value) for point in found.runs[0].curve.points] == [(3.0, 0.125), (1.5, None)]


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no sweep, no CSV file and no folder of trainings"):
        read(tmp_path / "nothing")


# --- scores ------------------------------------------------------------------------------------------------------


def test_scores_are_the_same_each_time_and_name_the_worst() -> None:
    made = [rising(seed=1), rising(seed=2)]
    first, second = (list(scores(made, {"asha": {"scheduler": "asha"}}, 4, 3)) for _ in range(2))
    assert first == second
    assert first[0].races == 6
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
    assert [line.split()[0] for line in shown.splitlines()[1:5]] == ["policy", "none", "stopping", "asha"]
    policy = ["--policy", "scheduler=asha,min_peers=2,stability.strict=true", "--json"]
    (found,) = json.loads(CliRunner().invoke(cli.app, arguments + policy).output)
    assert found["policy"] == "scheduler=asha,min_peers=2,stability.strict=true"
    failed = CliRunner().invoke(cli.app, [*arguments, "--policy", "min_peer=2"])
    assert isinstance(failed.exception, SteadytuneError)


def test_a_figure_has_a_point_and_an_interval_a_policy(tmp_path: Path) -> None:
    found = list(scores([rising(seed=1), rising(seed=2)], POLICIES, 4, 2))
    (panel,) = chart(found).body
    assert isinstance(panel, Panel)
    assert [series.name for series in panel.series] == ["none", "", "stopping", "", "asha", ""]
    everything, line = panel.series[:2]
    assert (everything.x, everything.y, line.y) == ((100.0,), (0.0,), (0.0, 0.0))
    write(chart(found), tmp_path / "figure.png")
    write(chart(found), tmp_path / "figure.html")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "stopping" in (tmp_path / "figure.html").read_text()


@pytest.mark.parametrize(
    ("path", "words"), [("figure.gif", "must end in .png or .html"), ("no/figure.png", "no is no folder; make it")]
)
def test_a_figure_that_cannot_be_written_is_refused_before_the_races(path: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        check_path(Path(path))


# --- the choice of settings --------------------------------------------------------------------------------------


def late_bloomer(seed: int) -> Recording:
    """The best run is behind all others for the first fifth of its training."""
    usual = rising(11, 40, seed)
    best = [0.0 if epoch <= 8 else 1.2 * (1 - math.exp(-0.3 * (epoch - 8))) for epoch in range(1, 41)]
    return recording([*([point.value or 0.0 for point in run.curve.points] for run in usual.runs), best])


def test_a_choice_is_checked_on_recordings_that_it_was_not_made_by() -> None:
    found = choose([rising(12, 20, seed) for seed in range(3)], workers=4, orders=2)
    assert found.held_out is not None
    assert found.fitted.epochs <= found.default.epochs
    assert found.fitted.regret <= found.default.regret
    assert found.fitted.regret <= found.held_out.regret, "what others choose cannot beat what these would"


def test_too_few_recordings_give_a_choice_that_says_it_is_unchecked() -> None:
    found = choose([late_bloomer(0), late_bloomer(1)], workers=4, orders=1)
    assert (found.held_out, found.gain) == (None, None)
    assert "keep it" in found.verdict or "3 recordings or more are needed" in found.verdict


def choice(gain: tuple[float, float] | None, grace: float = 0.2) -> Choice:
    cost = Cost(0.3, 0.01)
    return Choice(grace, 1.5, cost, cost, cost if gain else None, gain)


def test_the_verdict_follows_from_the_interval() -> None:
    assert choice((0.01, 0.02)).verdict.endswith("use it")
    assert choice((-0.01, 0.02)).verdict.endswith("keep the default")
    assert choice(None).verdict.endswith("to check it on others")
    assert choice((0.01, 0.02), grace=0.10).verdict.endswith("keep it.")


def test_defaults_are_looked_for_on_the_command_line(tmp_path: Path) -> None:
    rows = [f"{run},{epoch},{0.1 * run * epoch}" for run in range(4) for epoch in range(1, 11)]
    (tmp_path / "runs.csv").write_text("run,epoch,map\n" + "\n".join(rows) + "\n")
    arguments = ["replay", str(tmp_path / "runs.csv"), "--metric", "map", "--orders", "1", "--sweep-defaults"]
    shown = CliRunner().invoke(cli.app, arguments).output
    assert "all: the default" in shown
    found = json.loads(CliRunner().invoke(cli.app, [*arguments, "--json"]).output)
    assert found.keys() == {"grace", "factor", "fitted", "default", "held_out", "gain", "verdict"}


# --- MLflow ------------------------------------------------------------------------------------------------------


@pytest.mark.e2e  # writes MLflow's store
def test_an_experiment_of_mlflow_is_read_by_its_planned_epochs(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    from search.replay.mlflow_runs import read_experiment

    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(store)
    experiment = client.create_experiment("by hand", artifact_location=tmp_path.as_uri())
    runs = (("a", 3, ""), ("b", 3, "search"), ("again", 3, "confirm"), ("longer", 9, ""))
    for place, (name, planned, kind) in enumerate(runs):
        tags = {"mlflow.runName": name} | ({"steadytune.kind": kind} if kind else {})
        run = client.create_run(experiment, start_time=1000 + place, tags=tags).info.run_id
        client.log_param(run, "epochs", planned)
        for step in range(3):
            client.log_metric(run, "train_loss", 1 / (step + 1), timestamp=3000 + 2000 * step, step=step)
        client.log_metric(run, "map", 0.5, timestamp=3000, step=0)
        client.log_metric(run, "map", 0.7, timestamp=7000, step=2)
    (found,) = read_experiment(store, "by hand", "map", "max")
    assert (found.name, found.max_epochs, [run.name for run in found.runs]) == ("by hand (3 epochs)", 3, ["a", "b"])
    assert [(point.epoch, point.value, point.loss) for point in found.runs[0].curve.points] == [
        (1, 0.5, 1.0),
        (2, None, 0.5),
        (3, 0.7, pytest.approx(1 / 3)),
    ]
    assert found.runs[1].seconds == (1.999, 2.0, 2.0)
    for name, metric, words in (
        ("by hnad", "map", "no such experiment in .*; did you mean 'by hand'"),
        ("by hand", None, "give --metric, one of map, train_loss"),
        ("by hand", "mpa", "by hand, mpa: no two comparable trainings"),
    ):
        with pytest.raises(DataError, match=words):
            read_experiment(store, name, metric, "max")
    with pytest.raises(DataError, match=r"no.db does not exist; give the URI"):
        read_experiment(f"sqlite:///{tmp_path / 'no.db'}", "by hand", "map", "max")
    assert not (tmp_path / "no.db").exists()
