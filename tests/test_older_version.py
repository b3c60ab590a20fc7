"""What version 0.1.0 wrote still opens, resumes and exports. `fixtures/version_0_1_0/README.md` says what there is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from trainables import registry
from trainables.settings import earlier_values, read_yaml

HERE = Path(__file__).resolve().parent
WRITTEN = HERE / "fixtures" / "version_0_1_0"
COMMAND = [sys.executable, "-m", "search"]


class Older:
    """A copy of what the older version wrote, and the command line in that folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths = os.pathsep.join([str(HERE.parent), str(folder)])  # the copy holds the recipe of the small sweeps
        self.env = {**os.environ, "PYTHONPATH": paths, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The command line, whatever its exit code."""
        command = [*COMMAND, *words]
        return subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)

    def say(self, verb: str, *words: str, root: str = ".") -> str:
        """What a verb prints that looks at the sweeps of `root`; it must succeed."""
        done = self.run(verb, *words, "--sweeps", root)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self, name: str, root: str = ".") -> dict[str, Any]:
        return dict(json.loads(self.say("status", name, "--json", root=root)))

    def explain(self, name: str, trial: int, root: str = ".") -> dict[str, Any]:
        return dict(json.loads(self.say("explain", name, str(trial), "--json", root=root)))


@pytest.fixture
def older(tmp_path: Path) -> Older:
    folder = tmp_path / "older"
    shutil.copytree(WRITTEN, folder)
    return Older(folder)


def kinds(status: dict[str, Any]) -> list[str]:
    return [trial["kind"] for trial in status["trials"]]


def rungs(explained: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Of each decision at a rung: the action, the trial's value, the cutoff."""
    compared = [decision for decision in explained["decisions"] if decision["reason"] == "rung"]
    return [(decision["action"], decision["numbers"]["value"], decision["numbers"]["cutoff"]) for decision in compared]


# --- looking on ------------------------------------------------------------------------------------------------------


def test_a_finished_sweep_shows_its_trials_and_its_winner(older: Older) -> None:
    status = older.status("finished")
    assert status["state"] == "ended"
    assert kinds(status) == ["search"] * 10 + ["confirm"] * 3 + ["audit"] * 2
    assert [trial["epochs"] for trial in status["trials"]] == [12, 8, 2, 12, 4, 12, 2, 12, 2, 2, 12, 12, 12, 12, 12]
    assert [trial["reason"] for trial in status["trials"]].count("rung") == 6
    assert status["best"]["trial"] == 7
    assert status["best"]["mean"] == pytest.approx(0.16628294408388208)
    assert status["epochs"] == 68
    table = older.say("status", "finished")
    assert "0.1663" in table


def test_a_trial_that_waited_and_went_on_is_explained(older: Older) -> None:
    explained = older.explain("finished", 1)
    assert explained["best"] == pytest.approx(max(point["value"] for point in explained["curve"]))
    assert rungs(explained) == [
        ("pause", pytest.approx(0.010591541303596774), pytest.approx(0.05475049035110188)),
        ("continue", pytest.approx(0.010591541303596774), pytest.approx(0.010591541303596774)),
        ("continue", pytest.approx(0.09603992525201323), pytest.approx(0.07139082423967111)),
        ("pause", pytest.approx(0.03728822500164529), pytest.approx(0.11135493108977736)),
        ("stop", pytest.approx(0.03728822500164529), pytest.approx(0.11135493108977736)),
    ]
    assert "0.0373" in older.say("explain", "finished", "1")


def test_an_interrupted_sweep_shows_what_runs_and_what_waits(older: Older) -> None:
    status = older.status("interrupted")
    assert status["state"] == "open"
    assert [trial["status"] for trial in status["trials"]] == ["running", "paused", "paused", "running"]
    assert [trial["epochs"] for trial in status["trials"]] == [12, 6, 6, 0]
    assert status["best"] is None


def test_a_sweep_that_minimises_has_the_winner_it_had(older: Older) -> None:
    status = older.status("minimising")
    assert status["state"] == "ended"
    assert kinds(status) == ["search"] * 10 + ["confirm"] * 4
    assert status["best"]["trial"] == 7
    assert status["best"]["mean"] == pytest.approx(0.1215510675944212)


def test_the_decisions_about_a_metric_to_minimise_have_its_own_sign(older: Older) -> None:
    """Version 0.1.0 wrote both numbers negated into the journal. A curve may head for an error below zero."""
    assert rungs(older.explain("minimising", 1)) == [
        ("pause", pytest.approx(0.72726420303459), pytest.approx(0.72726420303459)),
        ("continue", pytest.approx(0.72726420303459), pytest.approx(0.72726420303459)),
        ("continue", pytest.approx(0.5295139023394776), pytest.approx(0.5295139023394776)),
        ("pause", pytest.approx(0.4963624875301872), pytest.approx(0.43563019647150236)),
        ("stop", pytest.approx(0.4963624875301872), pytest.approx(-0.03704271195954495)),
    ]
    assert rungs(older.explain("minimising", 7)) == [
        ("continue", pytest.approx(0.41890841625410985), pytest.approx(0.6474307347865494)),
        ("continue", pytest.approx(0.022072676575077665), pytest.approx(0.36277175022178265)),
        ("continue", pytest.approx(-0.03704271195954495), pytest.approx(-0.03704271195954495)),
    ]


@pytest.mark.parametrize(
    ("name", "trials", "recalled", "best", "mean"),
    [("brackets", 14, 0, 7, 0.8784489324055789), ("warm", 13, 6, 7, 0.9194428863115842)],
)
def test_a_sweep_with_options_that_are_gone_is_shown_and_exported(
    older: Older, name: str, trials: int, recalled: int, best: int, mean: float
) -> None:
    root = "removed_options"
    status = older.status(name, root)
    assert (status["state"], len(status["trials"]), status["recalled"]) == ("ended", trials, recalled)
    assert status["best"]["trial"] == best
    assert status["best"]["mean"] == pytest.approx(mean)
    level = status["trials"][best]["level"]
    assert f"{level:.4f}" in older.say("status", name, root=root)
    assert older.explain(name, best, root)["epochs"] == 8
    older.say("report", name, root=root)
    assert (older.folder / root / name / "report.html").is_file()
    older.say("export", name, "--to", "exported", root=root)
    assert (older.folder / "exported" / "curve.json").is_file()


def test_a_report_of_a_finished_sweep_can_be_written(older: Older) -> None:
    older.say("report", "finished")
    assert "map50_95" in (older.folder / "finished" / "report.html").read_text(encoding="utf-8")


# --- exports, checkpoints, models ------------------------------------------------------------------------------------


@pytest.mark.e2e
def test_a_finished_sweep_is_exported_as_it_was(older: Older) -> None:
    older.say("export", "finished", "--to", "exported")
    before, now = older.folder / "export", older.folder / "exported"
    assert (now / "checkpoint" / "state.pt").read_bytes() == (before / "checkpoint" / "state.pt").read_bytes()
    # A setting that came later may be in the new files too, with the value that was in effect.
    newer = earlier_values(registry.find("resnet_yolo").settings_type)
    assert read_yaml(now / "settings.yaml") == {**newer, **read_yaml(before / "settings.yaml")}
    lines = (now / "yolov8_params.py").read_text().splitlines()
    changed = [line for line in (before / "yolov8_params.py").read_text().splitlines() if line not in lines]
    assert [line for line in changed if ":" in line] == [], "the settings; the sentence above them says more now"


@pytest.mark.e2e
def test_a_waiting_trial_is_exported_with_its_checkpoint(older: Older) -> None:
    older.say("export", "interrupted", "2", "--to", "exported")
    newest = older.folder / "interrupted" / "trials" / "0002" / "checkpoints" / "epoch-0006" / "state.pt"
    assert (older.folder / "exported" / "checkpoint" / "state.pt").read_bytes() == newest.read_bytes()


@pytest.mark.e2e
def test_an_exported_checkpoint_has_the_metric_that_it_had(older: Older) -> None:
    done = older.run("evaluate", "export/checkpoint", "--data", "digits/data.yaml")
    assert done.returncode == 0, done.stderr
    about = json.loads((older.folder / "export" / "about.json").read_text())
    recorded = next(row["map50_95"] for row in about["curve"] if row["epoch"] == about["checkpoint_epoch"])
    metrics = dict(line.split() for line in done.stdout.splitlines())
    assert float(metrics["map50_95"]) == pytest.approx(recorded, abs=1e-3)


@pytest.mark.e2e
def test_exported_settings_train_again(older: Older) -> None:
    words = ["train", "resnet_yolo", "--config", "export/settings.yaml", "--data", "digits/data.yaml"]
    done = older.run(*words)
    assert done.returncode == 0, done.stderr
    assert (older.folder / "training" / "checkpoints" / "epoch-0012").is_dir()


PREDICT = """
import json, sys, mlflow.pyfunc
(found,) = mlflow.pyfunc.load_model("model/registered").predict(["model/picture.png"])
print(json.dumps({name: value if name == "labels" else value.tolist() for name, value in found.items()}))
"""


@pytest.mark.e2e
def test_a_registered_model_predicts_what_it_predicted(older: Older) -> None:
    command = [sys.executable, "-c", PREDICT]
    done = subprocess.run(command, cwd=older.folder, env=older.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    now = json.loads(done.stdout.splitlines()[-1])
    before = json.loads((older.folder / "model" / "prediction.json").read_text())
    assert now["labels"] == before["labels"]
    # Another processor may round the last bits otherwise.
    assert now["scores"] == pytest.approx(before["scores"], rel=1e-4)
    for box, old_box in zip(now["boxes"], before["boxes"], strict=True):
        assert box == pytest.approx(old_box, abs=1e-3)


# --- resuming --------------------------------------------------------------------------------------------------------


Resumed = Callable[[str], tuple[Older, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    """Resumes an interrupted sweep, once; gives its folder and how its four trials were explained before."""

    @cache
    def resume(name: str) -> tuple[Older, list[dict[str, Any]]]:
        folder = tmp_path_factory.mktemp("resumed") / "older"
        shutil.copytree(WRITTEN, folder)
        older = Older(folder)
        before = [older.explain(name, trial) for trial in range(4)]
        older.say("resume", name)
        return older, before

    return resume


@pytest.mark.e2e
@pytest.mark.parametrize(("name", "epochs"), [("interrupted", 24), ("minimising_interrupted", 16)])
def test_an_interrupted_sweep_goes_on_where_it_was(resumed: Resumed, name: str, epochs: int) -> None:
    older, before = resumed(name)
    status = older.status(name)
    assert status["state"] == "ended"
    assert kinds(status).count("search") == 12
    assert all(trial["status"] == "ended" for trial in status["trials"])
    assert status["trials"][0]["epochs"] == epochs, "the baseline trains to its end"
    for trial, interrupted in enumerate(before):
        explained = older.explain(name, trial)
        assert explained["curve"][: len(interrupted["curve"])] == interrupted["curve"]
        assert [point["epoch"] for point in explained["curve"]] == list(range(1, explained["epochs"] + 1))
        assert explained["settings"] == interrupted["settings"]
    assert (older.folder / name / "best" / "settings.yaml").is_file()


@pytest.mark.e2e
def test_old_and_new_decisions_about_a_metric_to_minimise_have_its_own_sign(resumed: Resumed) -> None:
    older, _ = resumed("minimising_interrupted")
    for trial in range(12):
        explained = older.explain("minimising_interrupted", trial)
        first = explained["curve"][0]["value"]  # after one epoch that is what the curve heads for
        at_first = [decided["numbers"]["value"] for decided in explained["decisions"] if decided["epoch"] == 1]
        assert at_first
        assert at_first == pytest.approx([first] * len(at_first))


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("root", "name"), [(".", "finished"), ("removed_options", "brackets"), ("removed_options", "warm")]
)
def test_to_resume_a_finished_sweep_does_nothing_or_is_refused_in_one_sentence(
    older: Older, root: str, name: str
) -> None:
    done = older.run("resume", name, "--sweeps", root)
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode == 2:
        (sentence,) = done.stderr.splitlines()
        assert sentence.startswith("steadytune: ")
    assert older.status(name, root)["state"] == "ended"
