"""A script that is trained as it is: read epoch by epoch, paused, resumed, ended."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from tests.support.waiting import wait_until
from tests.trainables.command.scripts import METRIC, script, train, values
from trainables.errors import KilledError, SteadytuneError
from trainables.recipe import AnyRecipe


@pytest.mark.parametrize("habits", [["--saves=after"], ["--saves=before"], ["--saves=after", "--rewrites"]])
def test_six_epochs_are_three_and_a_pause_and_three(tmp_path: Path, habits: list[str]) -> None:
    recipe = script("--seconds=0.05", *habits)
    unbroken = train(recipe, tmp_path / "unbroken")
    first = train(recipe, tmp_path / "paused", epochs=3)
    second = train(recipe, tmp_path / "paused", resume=first[-1][1])
    assert len(unbroken) == 6
    assert values(first) + values(second) == values(unbroken)
    assert not any(epoch.remark for epoch, _ in [*unbroken, *first, *second])


def test_it_goes_on_in_a_folder_that_has_only_the_checkpoint(tmp_path: Path) -> None:
    """As on another machine, which downloads the checkpoint alone."""
    recipe = script("--seconds=0.05")
    first = train(recipe, tmp_path / "here", epochs=3)
    second = train(recipe, tmp_path / "there", resume=first[-1][1])
    assert values(first) + values(second) == values(train(recipe, tmp_path / "unbroken"))


def test_what_the_script_wrote_after_the_pause_does_not_count(tmp_path: Path) -> None:
    recipe = script("--seconds=0.05")
    folder = tmp_path / "paused"
    first = train(recipe, folder, epochs=5)
    assert (folder / "run" / "results.csv").read_text().count("\n") >= 6
    again = train(recipe, folder, resume=first[1][1])
    assert [number for number, _ in values(again)] == [3, 4, 5, 6]
    assert values(again) == values(train(recipe, tmp_path / "unbroken"))[2:]


def test_a_script_that_does_not_resume_exactly_is_told_of_once(tmp_path: Path) -> None:
    """Its checkpoint is of epoch 2, so epoch 3 is trained again, with other random numbers."""
    checkpoint = {"path": "${run_dir}/last.json", "resume": ["--resume", "${checkpoint}"], "every": 2}
    for options in (["--save-every=2"], ["--save-every=2", "--forgets"]):
        ended = script("--end=3", *options, checkpoint=checkpoint, ends_early=True)
        first = train(ended, tmp_path / options[-1])
        second = train(script(*options, checkpoint=checkpoint), tmp_path / options[-1], resume=first[-1][1])
        assert [number for number, _ in values([*first, *second])] == [1, 2, 3, 4, 5, 6]
        remarks = [epoch.remark for epoch, _ in second if epoch.remark]
        assert len(remarks) == ("--forgets" in options)
        assert all(remark.startswith("this script does not resume exactly: accuracy of epoch 3") for remark in remarks)


def test_a_checkpoint_that_never_comes_is_named(tmp_path: Path) -> None:
    with pytest.raises(SteadytuneError, match="the script wrote no such file by epoch"):
        train(script("--saves=never", "--seconds=0.05"), tmp_path)


def test_without_a_checkpoint_there_is_none(tmp_path: Path) -> None:
    recipe = script(checkpoint=None)
    assert not recipe.resumes
    assert [path for _, path in train(recipe, tmp_path)] == [None] * 6


def test_losses_and_metrics_are_told_apart(tmp_path: Path) -> None:
    epoch, _ = train(script(), tmp_path)[0]
    assert set(epoch.metrics) == {"accuracy"}
    assert epoch.losses == {"train": pytest.approx(1 - epoch.metrics["accuracy"])}


def test_a_weighted_sum_is_a_metric(tmp_path: Path) -> None:
    metric = METRIC | {"name": "score", "sum": {"accuracy": 2.0, "train_loss": -1.0}, "losses": []}
    epoch, _ = train(script(metric=metric), tmp_path)[0]
    assert epoch.metrics["score"] == pytest.approx(2 * epoch.metrics["accuracy"] - epoch.metrics["train_loss"])


def test_values_that_are_no_numbers_reach_the_stability_rules(tmp_path: Path) -> None:
    epochs = [epoch for epoch, _ in train(script("--nan=3"), tmp_path / "loss")]
    assert math.isnan(epochs[2].losses["train"])
    assert not any(epoch.alarm for epoch in epochs)
    metric = {name: value for name, value in METRIC.items() if name != "losses"}
    alarms = [epoch.alarm for epoch, _ in train(script("--nan=3", metric=metric), tmp_path / "metric")]
    assert alarms[2] is None
    assert alarms[3] is not None
    assert alarms[3].detail == "accuracy was nan in 2 epochs in a row (up to epoch 4)"


def failure(recipe: AnyRecipe, folder: Path) -> tuple[str, str]:
    with pytest.raises(SteadytuneError) as caught:
        train(recipe, folder)
    return type(caught.value).__name__, str(caught.value)


def test_a_crash_is_told_with_its_error(tmp_path: Path) -> None:
    expected = "the script ended with exit code 3 after epoch 2: ValueError: bad loss"
    assert failure(script("--crash=2", "--seconds=0.05"), tmp_path) == ("ScriptError", expected)


@pytest.mark.parametrize(("number", "words"), [(9, "killed"), (15, "ended by SIGTERM")])
def test_a_script_that_is_killed_is_told_apart_from_one_that_fails(tmp_path: Path, number: int, words: str) -> None:
    """It may go on: the trial is restarted from its checkpoint."""
    file = tmp_path / "pids"
    recipe = script("--seconds=0.3", f"--children={file}")
    (tmp_path / "run").mkdir()
    epochs = recipe.train(recipe.settings("declared", {}), recipe.open(Path()), tmp_path / "run")
    next(epochs)
    os.kill(int(file.read_text().split()[-1]), number)
    with pytest.raises(KilledError, match=f"the script was {words} after epoch [12]"):
        list(epochs)


def test_too_little_gpu_memory_is_told_as_torch_tells_it(tmp_path: Path) -> None:
    recipe = script("--crash=1", "--says=torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB")
    name, sentence = failure(recipe, tmp_path)
    assert name == "OutOfMemoryError"
    assert sentence.startswith("the script ran out of GPU memory")


def test_an_early_end_is_a_failure_unless_it_may_be(tmp_path: Path) -> None:
    _, sentence = failure(script("--end=2"), tmp_path / "failed")
    assert sentence.startswith("the script ended with exit code 0 after epoch 2 of 6; if it may end early, say")
    assert len(train(script("--end=2", ends_early=True), tmp_path / "ended")) == 2


def test_a_script_that_stays_after_its_last_epoch_is_ended(tmp_path: Path) -> None:
    recipe = script("--stays", stop={"grace_seconds": 5.0, "finish_seconds": 0.2})
    assert len(train(recipe, tmp_path)) == 6


def test_a_script_that_writes_elsewhere_says_what_is_missing(tmp_path: Path) -> None:
    metric = METRIC | {"source": {"csv": "${run_dir}/other.csv"}}
    _, sentence = failure(script(metric=metric), tmp_path / "file")
    assert sentence.endswith("no epoch was read: " + str(tmp_path / "file/run/other.csv") + " was not written")
    _, sentence = failure(script(metric=METRIC | {"name": "acuracy"}), tmp_path / "column")
    assert "no column 'acuracy'; did you mean 'accuracy'?" in sentence


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    _, sentence = failure(script(command=["no-such-program", "${args}"]), tmp_path)
    assert sentence.startswith("command: no-such-program cannot be started in")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nothing_that_the_script_started_outlives_it(tmp_path: Path) -> None:
    """Neither in its session nor in one of its own."""
    file = tmp_path / "pids"
    train(script("--seconds=0.05", f"--children={file}"), tmp_path / "run", epochs=2)
    pids = list(map(int, file.read_text().split()))
    assert len(pids) == 3
    assert not any(map(alive, pids))


def test_nothing_outlives_a_worker_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    worker = os.fork()
    if worker == 0:
        try:
            train(script("--seconds=0.2", f"--children={file}", epochs=1000), tmp_path / "run")
        finally:
            os._exit(0)
    wait_until(lambda: file.is_file() and len(file.read_text().split()) == 3, lambda: "no children")
    pids = list(map(int, file.read_text().split()))
    assert all(map(alive, pids))
    os.kill(worker, 9)
    os.waitpid(worker, 0)
    wait_until(lambda: not any(map(alive, pids)), lambda: f"{pids} are alive")
