"""Sweeps on a real Ray, one session for all of them."""

from __future__ import annotations

import gc
import os
import re
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from search.check import check
from search.execution import heartbeat
from search.execution.ray_folder import remove_session
from search.journal.events import Decided, EpochDone, Row
from search.journal.segments import read
from search.sweep.folder import SweepFolder
from search.sweep.spec import read_spec
from tests.support import REPOSITORY
from tests.support.crowd import GREEDY
from trainables.errors import SteadytuneError

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def session() -> Iterator[None]:
    """Ray, started once: it takes seconds."""
    import ray
    from ray._private import worker as ray_worker

    paths = str(REPOSITORY)
    ray.init(
        address="local",  # another Ray may run on this machine
        num_cpus=2,
        num_gpus=1,  # for Ray to count
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100_000_000,
        runtime_env={"env_vars": {"PYTHONPATH": paths}},
    )
    folder = Path(ray_worker.global_worker.node.get_session_dir_path())
    yield
    ray.shutdown()
    remove_session(folder)


@pytest.fixture
def sweep(session: None, tmp_path: Path) -> Any:
    """Runs a sweep of `Trouble` and gives back what it finished with, and its folder."""

    def run_sweep(
        listen: Callable[[Row, Any], None] = lambda row, state: None,
        say: Callable[[Any], None] = lambda words: None,
        **fields: Any,
    ) -> tuple[Any, SweepFolder]:
        from search.run import sweep_run

        values = {"name": "sweep", "recipe": "tests.support.trouble:Trouble", "preset": "tiny", "data": str(tmp_path)}
        spec = read_spec(values | {"trials": 6, "sampler": "random", "workers": 2} | fields, "test")
        folder = SweepFolder(tmp_path, "sweep")
        return sweep_run.launch(check(spec, folder.store(spec)), tmp_path, listen, say), folder

    return run_sweep


def epochs(folder: SweepFolder) -> list[tuple[Row, EpochDone]]:
    """The epochs of a sweep's journal."""
    return [(row, row.event) for row in read(folder.journal) if isinstance(row.event, EpochDone)]


def test_a_sweep_ends_with_an_exported_winner_and_a_complete_mlflow(sweep: Any) -> None:
    finished, folder = sweep()
    state = finished.state
    assert finished.recorder.finish()
    assert state.ended is not None
    assert not any(trial.running for trial in state.trials.values())
    winner = state.trials[state.ended.trial]
    assert winner.started.settings["x"] == max(
        trial.started.settings["x"] for trial in state.trials.search if trial.finished
    )
    assert {path.name for path in folder.best.iterdir()} >= {"settings.yaml", "trouble.json", "checkpoint"}
    database = sqlite3.connect(folder.root / "mlflow.db")
    assert database.execute("select count(*) from runs").fetchone() == (len(state.trials) + 1,)
    points = database.execute("select count(*), count(distinct run_uuid || step) from metrics where key = 'score'")
    assert points.fetchone() == (len(epochs(folder)), len(epochs(folder)))


def test_two_processes_serve_all_trials(sweep: Any) -> None:
    """None waits for a new process: each trial after the first two continues in a process that has its imports."""
    finished, folder = sweep(trials=8, scheduler="none", set={"pause": 0.05})
    processes: dict[int, set[float]] = {}
    for _, event in epochs(folder):
        processes.setdefault(event.trial, set()).add(event.metrics["process"])
    assert processes.keys() == finished.state.trials.keys()
    assert all(len(of_trial) == 1 for of_trial in processes.values())
    assert len(set.union(*processes.values())) <= 2


def test_ray_holds_on_to_no_trials_that_have_ended(sweep: Any) -> None:
    from ray.tune.experiment import Trial

    held: list[int] = []

    def count(row: Row, _: Any) -> None:
        if isinstance(row.event, Decided) and row.event.action == "stop":
            gc.collect()
            held.append(sum(type(live) is Trial for live in gc.get_objects()))

    finished, _ = sweep(count, trials=30, scheduler="none", confirm_top=0, set={"epochs": 1})
    assert len(held) == 30
    assert finished.state.ended is not None
    assert max(held[10:]) <= held[0] + 6, "those that run, the next ones, the newest that ended"


def test_a_worker_that_dies_is_replaced_and_its_trial_goes_on_from_its_checkpoint(
    sweep: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    finished, folder = sweep(trials=1, confirm_top=0, set={"die_at": 4})
    rows = epochs(folder)
    assert [event.epoch for _, event in rows] == [1, 2, 3, 4, 5, 6]
    assert len({event.metrics["process"] for _, event in rows}) == 2
    assert finished.state.trials[0].finished
    log = (folder.trials / "0000" / "log.txt").read_text()
    assert log.count("epoch 3\n") == 1, "epochs before the checkpoint are not trained again"
    assert capfd.readouterr() == ("", ""), "Ray's own words are for Ray's developers"


def test_a_worker_that_stands_still_is_replaced(sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped process cannot notice its own silence; the same goes for one that a dead disk or GPU holds."""
    monkeypatch.setattr(heartbeat, "GRACE_SECONDS", 15.0)
    stopped: list[int] = []

    def stop(row: Row, _: Any) -> None:
        if isinstance(row.event, EpochDone) and row.event.epoch == 3 and not stopped:
            stopped.append(int(row.event.metrics["process"]))
            os.kill(stopped[0], signal.SIGSTOP)

    finished, folder = sweep(stop, trials=1, confirm_top=0, hang_minutes=0.2)
    rows = epochs(folder)
    assert [event.epoch for _, event in rows] == [1, 2, 3, 4, 5, 6]
    assert finished.state.trials[0].finished
    assert {int(event.metrics["process"]) for _, event in rows if event.epoch > 3}.isdisjoint(stopped)
    assert not Path(f"/proc/{stopped[0]}").exists()


def test_a_worker_that_dies_between_two_trials_costs_none_of_them(sweep: Any) -> None:
    """Ray restarts a trial that was running, but not one that was about to."""
    trained: list[int] = []
    killed: list[int] = []

    def kill(row: Row, state: Any) -> None:
        if isinstance(row.event, EpochDone):
            trained.append(int(row.event.metrics["process"]))
        if isinstance(row.event, Decided) and row.event.action == "stop" and not killed:
            killed.append(trained[-1])
            os.kill(killed[0], signal.SIGKILL)

    finished, folder = sweep(kill, trials=3, workers=1, confirm_top=0, scheduler="none")
    assert killed
    ends = [trial.decision.detail for trial in finished.state.trials.search]
    assert ends == ["trained all 6 epochs"] * 3
    assert len({event.metrics["process"] for _, event in epochs(folder)}) == 2


def test_a_trial_whose_process_dies_too_often_has_failed_and_the_sweep_continues(sweep: Any) -> None:
    finished, _ = sweep(trials=1, confirm_top=0, retries=0, set={"die_at": 2, "always_die": True})
    decision = finished.state.trials[0].decision
    assert decision is not None
    assert decision.reason == "failed"
    assert "its process died, or was killed; the log's last line: epoch 1 (see" in decision.detail
    assert finished.state.ended is not None
    assert finished.state.ended.trial == -1


@pytest.mark.parametrize(
    ("how", "minutes", "words"),
    [
        ("crash", 120.0, r"its process crashed: Segmentation fault \(see .*/0000/log.txt\)"),
        (
            "hang",
            0.05,
            r"an epoch took longer than hang_minutes, which counts as a hang; its stack is in .*/log",
        ),
    ],
)
def test_a_crash_and_a_hang_are_known_as_such(sweep: Any, how: str, minutes: float, words: str) -> None:
    fatal = {"die_at": 2, "always_die": True, "how": how, "saving": how == "crash"}
    finished, folder = sweep(trials=1, confirm_top=0, retries=0, set=fatal, hang_minutes=minutes)
    decision = finished.state.trials[0].decision
    assert decision is not None
    assert re.match(words, decision.detail)
    assert "trouble.py" in (folder.trials / "0000" / "log.txt").read_text(), "where it happened"
    assert not list(folder.trials.glob("0000/checkpoints/*")), "nothing of it is worth keeping, half-written or whole"


def test_a_damaged_checkpoint_is_known_and_an_earlier_one_is_used(sweep: Any) -> None:
    """Of a running trial the newest checkpoint is kept, its best, and the best of its last epochs: here 3, 1 and 2."""
    finished, folder = sweep(trials=1, confirm_top=0, set={"die_at": 4, "spoil": True})
    assert finished.state.trials[0].finished
    assert [event.epoch for _, event in epochs(folder)] == [1, 2, 3, 4, 5, 6]
    log = (folder.trials / "0000" / "log.txt").read_text()
    assert "epoch-0003/state.json: has changed since it was written" in log
    assert [log.count(f"epoch {number}\n") for number in (1, 2, 3, 4)] == [1, 1, 2, 1]


def test_a_sweep_whose_first_trials_fail_alike_stops(sweep: Any) -> None:
    with pytest.raises(SteadytuneError, match=r"the first 3 trials all failed alike, .* out of luck .*mend"):
        sweep(trials=8, workers=1, enqueue=[], set={"raise_below": 1.0})


def test_code_that_raises_fails_its_trial_but_not_its_worker(sweep: Any) -> None:
    finished, folder = sweep(trials=8, confirm_top=0, set={"raise_below": 0.4})
    failed = [trial for trial in finished.state.trials.search if trial.decision and trial.decision.reason == "failed"]
    assert failed
    assert all("out of luck" in trial.decision.detail for trial in failed if trial.decision)
    assert len({event.metrics["process"] for _, event in epochs(folder)}) <= 2
    assert "Traceback" in (folder.trials / f"{failed[0].started.trial:04d}" / "log.txt").read_text()


def test_trials_share_a_gpu_as_measured_and_one_that_needs_more_is_trained_alone(sweep: Any) -> None:
    messages: list[str] = []
    whole = {"confirm_top": 0, "scheduler": "none", "stability": {"collapse_share": 0}}
    finished, folder = sweep(
        say=messages.append, recipe="tests.support.crowd:Crowd", gpus="auto", workers=None, trials=8, **whole
    )
    assert messages[1:3] == [
        "It took 35.0 of the GPU's 100.0 GB: gpus is 0.5.",
        "The sweep runs: 2 trials at a time.",
    ]
    assert folder.spec().gpus == 0.5, "a resumed sweep does not measure again"
    assert [trial.decision.detail for trial in finished.state.trials.search] == ["trained all 6 epochs"] * 8
    assert Counter((event.trial, event.epoch) for _, event in epochs(folder)).most_common(1)[0][1] == 1
    for trial in finished.state.trials.search:
        log = (folder.trials / f"{trial.started.trial:04d}" / "log.txt").read_text()
        assert log.count("OutOfMemoryError: CUDA out of memory") == (trial.started.settings["x"] > GREEDY)
    assert {trial.started.settings["x"] > GREEDY for trial in finished.state.trials.search} == {False, True}
    assert {trial.gpu_bytes for trial in finished.state.trials.search} == {30 * 10**9}


def test_what_fails_or_uses_no_gpu_alone_on_one_is_not_shared_out(sweep: Any) -> None:
    with pytest.raises(SteadytuneError, match="gpus is auto, but the first training used no GPU; leave gpus out"):
        sweep(gpus="auto")
    with pytest.raises(SteadytuneError, match=r"failed, alone on a GPU: RuntimeError: out of luck; correct that"):
        sweep(gpus="auto", recipe="tests.support.crowd:Crowd", set={"raise_below": 1.0})


def test_as_many_trials_run_as_fit_into_a_nodes_memory(sweep: Any) -> None:
    with pytest.raises(SteadytuneError, match="a trial takes 1 CPUs and 0 GPUs and 90,000 GB, which no node has"):
        sweep(memory_gb=90_000.0, workers=None)
    finished, _ = sweep(memory_gb=0.1, trials=2, confirm_top=0)
    assert finished.state.ended is not None


def test_only_the_best_checkpoints_stay_on_disk(sweep: Any) -> None:
    finished, folder = sweep(keep_checkpoints=2, confirm_top=0, scheduler="none")
    left = sorted(path.parent.parent.name for path in folder.trials.glob("*/checkpoints/epoch-*"))
    ranked = [f"{trial.started.trial:04d}" for trial in finished.state.trials.ranking[:2]]
    assert left == sorted(ranked)
