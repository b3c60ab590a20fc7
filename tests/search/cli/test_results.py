from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from search.control.coordinator import Coordinator
from search.journal.events import Decided, EpochDone, SweepOpened, TrialStarted
from search.journal.segments import Journal
from search.sweep.folder import SweepFolder
from search.views.status_table import MOST_ROWS
from tests.support.fakes import plan_of
from tests.support.terminal import Steadytune, strict
from tests.support.workers import Workers


def test_status_tells_how_a_sweep_stands(steadytune: Steadytune, sweeps: Path) -> None:
    code, out, _ = steadytune("status", "sweep", "--sweeps", sweeps)
    assert code == 0
    assert "0 steady" in out
    assert "nonfinite: training loss was not finite" in out
    _, out, _ = steadytune("status", "--sweeps", sweeps)
    assert out.startswith("sweep: curves, ")
    assert re.search(r", \d+ epochs, ended: score 0\.\d+ over one fresh seed, trial \d", out)


def test_a_sweep_that_cannot_be_looked_at_does_not_hide_the_others(steadytune: Steadytune, sweeps: Path) -> None:
    (sweeps / "broken").mkdir()
    (sweeps / "broken" / "sweep.yaml").write_text("name: broken\nrecipe: gone:Away\ndata: x\n")
    code, out, _ = steadytune("status", "--sweeps", sweeps)
    first, second = out.splitlines()
    assert (code, first[:14]) == (0, "sweep: curves,")
    assert second.startswith("broken: cannot be read; recipe 'gone:Away': gone cannot be imported")
    code, out, _ = steadytune("status", "--json", "--sweeps", sweeps)
    first, second = json.loads(out)
    assert (code, first["name"], first["state"]) == (0, "sweep", "ended")
    assert (second["name"], second["state"]) == ("broken", "unreadable")
    assert second["error"].startswith("recipe 'gone:Away': gone cannot be imported")


def test_status_tells_a_sweep_that_runs_from_one_that_was_interrupted(
    steadytune: Steadytune, tmp_path: Path, data: Path
) -> None:
    folder = SweepFolder.create(tmp_path, plan_of(data).spec)
    with folder.locked():
        assert "resume with" not in steadytune("status", "sweep", "--sweeps", tmp_path)[1]
        assert steadytune("status", "--sweeps", tmp_path)[1].startswith("sweep: curves, 0 trials, 0 epochs, running (")
    resume = f"It is not running on this machine; resume with: steadytune resume sweep --sweeps {tmp_path}\n"
    assert steadytune("status", "sweep", "--sweeps", tmp_path)[1].endswith(resume)
    assert steadytune("status", "--sweeps", tmp_path)[1].startswith("sweep: curves, 0 trials, 0 epochs, interrupted (")


def test_status_of_a_large_sweep_shows_its_best_and_latest_trials(
    steadytune: Steadytune, tmp_path: Path, data: Path
) -> None:
    folder = SweepFolder.create(tmp_path, plan_of(data, trials=5000, scheduler="none", confirm_top=0).spec)
    journal, settings = Journal(folder.journal), {"quality": 0.5}
    journal.append(SweepOpened(1))
    for trial in range(300):
        journal.append(TrialStarted(trial, "search", trial, "", trial, settings, settings))
        journal.append(EpochDone(trial, 1, "main", {"score": 0.9 if trial == 77 else 0.1}, {"train": 1.0}, {}, {}))
        if trial < 299:
            journal.append(Decided(trial, 1, "stop", "done", "trained all 1 epochs"))
    journal.flush()
    _, output, _ = steadytune("status", "sweep", "--sweeps", tmp_path)
    rows = [line for line in output.splitlines() if line[:1].isdigit()]
    assert len(rows) == MOST_ROWS
    assert [line.split()[0] for line in rows if " * " in line or "interrupted" in line] == ["77", "299"]
    assert "300/5000 trials" in output
    assert "100 not shown" in output
    assert "--json" in output.splitlines()[-2]


def test_status_as_json_is_json(steadytune: Steadytune, sweeps: Path) -> None:
    status = strict(steadytune("status", "sweep", "--json", "--sweeps", sweeps)[1])
    assert status["state"] == "ended"
    assert status["best"]["trial"] in (0, 2, 3)
    assert [trial["reason"] for trial in status["trials"]][:2] == ["done", "nonfinite"]
    (listed,) = strict(steadytune("status", "--json", "--sweeps", sweeps)[1])
    assert status.items() <= listed.items()
    assert listed.keys() - status.keys() == {"bytes", "changed"}


def test_explain_draws_the_trial_and_refuses_what_is_no_picture(
    steadytune: Steadytune, sweeps: Path, tmp_path: Path
) -> None:
    page = tmp_path / "trial.html"
    assert steadytune("explain", "sweep", 1, "--figure", page, "--sweeps", sweeps)[0] == 0
    assert "other trials" in page.read_text()
    code, _, error = steadytune("explain", "sweep", 1, "--figure", tmp_path / "trial.gif", "--sweeps", sweeps)
    assert (code, "must end in .png or .html" in error) == (2, True)


@pytest.mark.parametrize("trial", [0, 1])
def test_explain_as_json_is_json_even_of_a_lost_training(steadytune: Steadytune, sweeps: Path, trial: int) -> None:
    explained = strict(steadytune("explain", "sweep", trial, "--json", "--sweeps", sweeps)[1])
    assert explained["trial"] == trial
    assert explained["decisions"][-1]["reason"] == ("done", "nonfinite")[trial]
    assert len(explained["curve"]) == explained["epochs"]


def test_explain_tells_epoch_by_epoch_what_happened(steadytune: Steadytune, sweeps: Path) -> None:
    _, out, _ = steadytune("explain", "sweep", 1, "--sweeps", sweeps)
    assert "training loss nan" in out
    assert "stopped (nonfinite: weights or training loss not finite)" in out


def test_a_sweep_without_a_trial_yet_can_be_looked_at(steadytune: Steadytune, tmp_path: Path, data: Path) -> None:
    plan = plan_of(data)
    folder = SweepFolder.create(tmp_path, plan.spec)
    Journal(folder.journal)
    assert strict(steadytune("status", "sweep", "--json", "--sweeps", tmp_path)[1])["trials"] == []
    assert steadytune("status", "sweep", "--sweeps", tmp_path)[0] == 0
    code, _, error = steadytune("export", "sweep", "--sweeps", tmp_path)
    assert (code, "no trial of sweep sweep trained to its end yet" in error) == (2, True)


def test_a_sweep_that_runs_or_waits_can_be_looked_at(steadytune: Steadytune, tmp_path: Path, data: Path) -> None:
    plan = plan_of(data)
    folder = SweepFolder.create(tmp_path, plan.spec)
    workers = Workers()
    journal = Journal(folder.journal)
    coordinator = Coordinator(plan, journal, delete=workers.disk.delete)
    coordinator.open(2)
    workers.fill(coordinator)
    workers.step(coordinator, 0)
    journal.flush()
    with folder.locked():
        code, out, _ = steadytune("status", "sweep", "--sweeps", tmp_path)
        assert code == 0
        assert ("running" in out, "starting" in out, "interrupted" in out) == (True, True, False)
    _, out, _ = steadytune("status", "sweep", "--sweeps", tmp_path)
    assert ("running  " in out, "starting" in out, out.count("interrupted")) == (False, False, 2)
    _, out, _ = steadytune("explain", "sweep", 1, "--sweeps", tmp_path)
    assert "0 of 4 epochs; no score so far." in out
    assert "continues when the sweep is resumed" in out


def test_export_writes_the_winner_or_the_trial_that_is_named(steadytune: Steadytune, sweeps: Path) -> None:
    code, out, _ = steadytune("export", "sweep", "--sweeps", sweeps)
    assert code == 0
    assert str(sweeps / "sweep" / "best" / "curves.json") in out
    steadytune("export", "sweep", 1, "--sweeps", sweeps)
    settings = sweeps / "sweep" / "trial-0001" / "settings.yaml"
    assert "nan_at: 1" in settings.read_text()


@pytest.mark.e2e  # draws all figures, seconds
def test_report_writes_one_file_and_compare_puts_sweeps_side_by_side(steadytune: Steadytune, sweeps: Path) -> None:
    code, out, _ = steadytune("report", "sweep", "--sweeps", sweeps)
    assert code == 0
    assert Path(out.strip()).read_text().count("<!doctype html>") == 1
    code, out, _ = steadytune("compare", "sweep", "sweep", "--sweeps", sweeps)
    assert code == 0
    assert "worker hours" in out
    assert "±" not in out, "one fresh seed has no spread"
    code, _, error = steadytune("compare", "sweep", "swep", "--sweeps", sweeps)
    assert code == 2
    assert "did you mean 'sweep'?" in error


def test_a_report_that_cannot_be_written_is_a_mistake(steadytune: Steadytune, sweeps: Path) -> None:
    code, _, error = steadytune("report", "sweep", "--to", sweeps / "none" / "report.html", "--sweeps", sweeps)
    assert code == 2
    assert "report.html: cannot be written (No such file or directory); give another file with --to" in error


def test_a_lost_training_ends_with_1_and_a_sound_one_with_0(steadytune: Steadytune, tmp_path: Path, data: Path) -> None:
    train = ["train", "tests.support.fakes:Curves", "--preset", "short", "--data", data]
    assert steadytune(*train, "--out", tmp_path / "sound")[0] == 0
    code, _, output = steadytune(*train, "--out", tmp_path / "lost", "--set", "nan_at=3")
    assert code == 1
    assert "the training is lost" in output
