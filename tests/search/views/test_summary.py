"""What a sweep prints first and last."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from search.next_step import DEFAULT_SWEEPS, SWEEPS_VARIABLE
from search.state.outcome import result
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.views.summary import MOST_STOPPED, banner, summary, sweep_runs
from tests.support import REPOSITORY
from tests.support.fakes import plan_of
from tests.support.terminal import lines_of
from tests.support.workers import swept
from trainables import checkpoint


@pytest.fixture
def folder(ended: SweepState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepFolder:
    """The folder of the sweep that has ended, in the default folder of sweeps, with a checkpoint of its winner."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SWEEPS_VARIABLE, raising=False)
    folder = SweepFolder(DEFAULT_SWEEPS, "sweep")
    checkpoints = folder.checkpoint(2, 27).parent
    checkpoints.mkdir(parents=True)

    def save(directory: Path) -> None:
        (directory / "state.json").write_text("{}")

    checkpoint.write(checkpoints, 27, save)
    return folder


def test_the_banner_says_what_runs_and_how_long(data: Path) -> None:
    first, second, third = banner(plan_of(data, trials=7, hours=1.5, seed=3))
    assert first == "Sweep sweep: tests.support.fakes:Curves, short preset, 7 trials, seed 3."
    assert second == "It takes at most 90.0 minutes, plus 15 to 40 seconds to start the workers."
    assert third == "The confirmation on fresh seeds takes at most 8 trainings of 4 epochs, within that time."


@pytest.mark.parametrize(
    ("limits", "end"),
    [({"epochs": 100}, "after 7 trials or 100 epochs."), ({}, "after 7 trials.")],
)
def test_the_banner_of_a_sweep_without_hours_says_what_ends_it(data: Path, limits: dict[str, int], end: str) -> None:
    _, second, third = banner(plan_of(data, trials=7, **limits))
    assert second == f"It has no time limit: the search ends {end}"
    assert third == "The confirmation on fresh seeds takes at most 8 trainings of 4 epochs, after the search."


def test_the_banner_of_a_sweep_without_a_confirmation_does_not_speak_of_one(data: Path) -> None:
    assert len(list(banner(plan_of(data, trials=7, confirm_top=0)))) == 2
    assert "at most 2 trainings" in list(banner(plan_of(data, trials=1)))[2], (
        "there cannot be more finalists than trials"
    )


def test_the_line_before_the_first_trial_names_the_worker_slots() -> None:
    assert sweep_runs(1) == "The sweep runs: 1 trial at a time."
    assert sweep_runs(4) == "The sweep runs: 4 trials at a time."


def test_the_summary_begins_with_the_configurations_on_fresh_seeds(ended: SweepState, folder: SweepFolder) -> None:
    title, headings, best, baseline = lines_of(summary(ended, folder))[:4]
    assert title == "Re-trained on fresh seeds"
    assert headings.split() == ["trial", "score", "seeds", "in", "the", "search"]
    assert re.fullmatch(r"2 good +0\.9\d+ ± 0\.\d+ +2 +0\.9\d+", best)
    assert baseline.startswith("0 steady ")


def test_the_summary_names_stopped_trials_with_their_reasons(ended: SweepState, folder: SweepFolder) -> None:
    lines = lines_of(summary(ended, folder), width=400)
    first = lines.index("Stopped trials:") + 1
    stopped = [trial for trial in ended.trials.values() if trial.decision and trial.decision.reason != "done"]
    assert lines[first].startswith("  1 wild after epoch 4: rung (below the cutoff at a rung): ranked 10 of 10 at the")
    assert lines[first].endswith("(demoted as diverging; search finished)")
    for line, trial in zip(lines[first:], stopped[:MOST_STOPPED], strict=False):
        assert trial.decision is not None
        assert line.endswith(trial.decision.detail)
    more = len(stopped) - MOST_STOPPED
    assert (
        lines[first + MOST_STOPPED] == f"  and {more} more ({more} rung); each with its reason: steadytune status sweep"
    )


def test_a_sweep_without_a_finished_trial_has_no_best_configuration(data: Path, tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path, "sweep")
    coordinator = swept(plan_of(data, trials=1, enqueue=["lost"], confirm_top=0), tmp_path / "journal")
    coordinator.end(result(coordinator.state))
    first, *others = lines_of(summary(coordinator.state, folder))
    assert first == "No trial trained to its end, so there is no best configuration."
    assert others[:2] == [
        "Stopped trials:",
        "  0 lost after epoch 2: nonfinite (weights or training loss not finite): "
        "training loss was not finite in 2 epochs in a row (up to epoch 2)",
    ]


def test_the_end_of_the_demo_in_the_readme_has_the_form_of_a_summary(ended: SweepState, folder: SweepFolder) -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    demo = next(block for block in readme.split("```")[1::2] if "Re-trained on fresh seeds" in block)
    printed = {form(line) for line in lines_of(summary(ended, folder), width=400)}
    # Indented lines are folded settings and reasons; the reasons have tests of their own.
    lines = [line for line in demo.splitlines() if line.strip("…") and (not line.startswith(" ") or "against" in line)]
    assert len(lines) >= 10
    assert [line for line in lines if form(line) not in printed] == []


def form(line: str) -> str:
    """A line with its numbers, names and paths replaced."""
    line = line.replace("map50_95", "score").replace("fixed", "steady").replace("good", "")
    line = re.sub(r"minutes|seconds", "UNIT", line)
    line = re.sub(r"(?<=Checkpoint: )\S+|(?<=Exported:   )\S+|(?<=browse )\S+", "PATH", line)
    return " ".join(re.sub(r"\d+(\.\d+)?", "N", line).replace("N ,", "N,").split())
