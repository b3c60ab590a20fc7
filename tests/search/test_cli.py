from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import plan_of, spec_of
from typer.testing import CliRunner
from workers import Workers, swept

from search.cli import options
from search.cli.app import app, main
from search.conductor import Conductor
from search.events import Decided, EpochDone, SweepOpened, TrialStarted
from search.export import result
from search.folder import SweepFolder
from search.journal import Journal
from search.views.overview import MOST_ROWS
from trainables.errors import SettingsError

REPOSITORY = Path(__file__).parent.parent.parent
HEAVY = {"torch", "ray", "mlflow", "optuna", "pyarrow", "pandas", "ultralytics", "cv2", "sklearn"}
VERBS = [
    *("launch", "resume", "status", "explain", "export", "browse", "sync", "train", "evaluate"),
    *("lr-range", "check", "sample", "recipes", "replay", "report", "compare", "prove", "logs", "stop"),
]

Said = tuple[int, str, str]
Steadytune = Callable[..., Said]


@pytest.fixture
def steadytune(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Steadytune:
    """The command line in this process: exit code, standard output, standard error."""

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["steadytune", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def sweeps(tmp_path: Path, data: Path) -> Path:
    """A folder with one sweep that has ended; its trial 1 ("lost") met a loss that is no number."""
    root = tmp_path / "sweeps"
    made = plan_of(data, trials=4, enqueue=["steady", "lost"], confirm_top=1, confirm_seeds=1)
    folder = SweepFolder.create(root, made.spec)
    conductor = swept(made, folder.journal)
    conductor.end(result(conductor.state))
    return root


def strict(text: str) -> Any:
    """JSON as every reader takes it, without Python's NaN and Infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def modules(*arguments: str) -> set[str]:
    """The heavy libraries that are imported by the command."""
    script = f"""
import sys
sys.argv = ["steadytune", *{list(arguments)!r}]
from search.cli.app import main
try:
    main()
except SystemExit as left:
    assert not left.code, left.code
print("\\nimported:", *({HEAVY!r} & set(sys.modules)))
"""
    environment = {"PYTHONPATH": f"{REPOSITORY}:{Path(__file__).parent}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    return set(done.stdout.rpartition("imported:")[2].split())


# --- imports -----------------------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy() -> None:
    assert modules("--help") == set()


def test_listing_recipes_imports_nothing_heavy() -> None:
    assert modules("recipes", "--json") == set()


def test_looking_at_a_sweep_imports_only_what_reads_its_journal(sweeps: Path) -> None:
    assert modules("status", "sweep", "--sweeps", str(sweeps)) == {"pyarrow"}


# --- exit codes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    said = CliRunner().invoke(app, [verb, "--help"])
    assert said.exit_code == 0
    assert f" {verb} " in said.output


def test_the_verbs_are_all_of_them() -> None:
    names = [command.callback.__name__ for command in app.registered_commands if command.callback]
    assert sorted(name.replace("_", "-") for name in names) == sorted(VERBS)


def test_the_module_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "search", "status", "nowhere", "--sweeps", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    assert (done.returncode, done.stdout) == (2, "")
    fix = "there is none in it; give another folder with --sweeps"
    assert done.stderr == f"steadytune: no sweep 'nowhere' in {tmp_path}; {fix}\n"


def test_a_mistake_is_one_line_on_standard_error_and_exit_code_2(
    steadytune: Steadytune, tmp_path: Path, data: Path, sweeps: Path
) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("name: a\nrecipe: fakes:Curves\ndata: x\ntrails: 3\n")
    known = ["--recipe", "fakes:Curves", "--preset", "short"]
    mistakes: dict[str, tuple[object, ...]] = {
        "unknown setting 'trails'; did you mean 'trials'?": ("check", file),
        "missing.yaml: no such file": ("check", tmp_path / "missing.yaml"),
        "setting 'trials' is 0; it must be greater than 0": ("launch", *known, "--data", data, "--trials", 0),
        "setting 'data' is missing": ("launch", *known),
        "setting 'name' is missing": ("launch", "--data", data),
        "unknown recipe 'yolo'": ("launch", "--recipe", "yolo", "--data", data, "--sweeps", tmp_path),
        "--set is 'lr'; it must be name=value": ("launch", *known, "--data", data, "--set", "lr"),
        "--set x line 1: not valid YAML": ("launch", *known, "--data", data, "--set", "x={low: 1"),
        "set.depht is no setting": ("launch", *known, "--data", data, "--set", "depht=[1]", "--sweeps", tmp_path),
        "no sweep 'sweeep' in": ("resume", "sweeep", "--sweeps", sweeps),
        "did you mean 'sweep'?": ("sync", "sweeep", "--sweeps", sweeps),
        "no trial 99 in sweep sweep; it has trials 0 to ": ("explain", "sweep", 99, "--sweeps", sweeps),
        "no trial 98 in sweep sweep; it has trials 0 to ": ("export", "sweep", 98, "--sweeps", sweeps),
        "mlflow.db: no MLflow store there yet": ("browse", "--sweeps", tmp_path),
        "unknown recipe 'curves'": ("recipes", "curves"),
        "unknown recipe 'nothing'": ("sample", "nothing", tmp_path / "out"),
        "data.txt: no such file": ("train", "fakes:Curves", "--data", tmp_path, "--preset", "short"),
        "unknown preset 'paper'": ("train", "fakes:Curves", "--data", data),
        "no such checkpoint directory": ("train", "fakes:Curves", "--data", data, "--preset", "short", "--resume", "x"),
    }
    for words, arguments in mistakes.items():
        code, _, error = steadytune(*arguments)
        assert code == 2, (arguments, error)
        assert error.startswith("steadytune: "), (arguments, error)
        assert error.count("\n") == 1, (arguments, error)
        assert words in error, arguments


def test_what_may_not_be_read_is_named(steadytune: Steadytune, sweeps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system says it to who is not root, as whom the tests run."""
    journal = sweeps / "sweep" / "journal"

    def refused(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr("search.journal._segments", refused)
    code, said, error = steadytune("status", "sweep", "--sweeps", sweeps)
    assert (code, said) == (2, "")
    assert error == (
        f"steadytune: {journal}: permission denied; run this as its owner, or give yourself the right to it\n"
    )


def test_an_unknown_option_is_a_mistake_too(steadytune: Steadytune) -> None:
    code, _, error = steadytune("launch", "--trails", 3)
    assert code == 2
    assert "--trails" in error


def test_a_mistake_leaves_nothing_behind(steadytune: Steadytune, tmp_path: Path, data: Path) -> None:
    root = tmp_path / "sweeps"
    code, _, _ = steadytune("launch", "--recipe", "fakes:Curves", "--data", data, "--sweeps", root, "--preset", "no")
    assert code == 2
    assert not root.exists()


# --- options -----------------------------------------------------------------------------------------------------


def test_options_become_the_sweep(data: Path) -> None:
    given = {"name": "a", "recipe": "fakes:Curves", "data": str(data), "trials": 5, "hours": None, "enqueue": []}
    spec = options.sweep(None, given, ["quality={low: 1e-2, high: 0.5}", "depth=2"], ["train_factor=2.5"])
    assert spec.set == {"quality": {"low": 0.01, "high": 0.5}, "depth": 2}
    assert spec.stability.train_factor == 2.5
    assert (spec.trials, spec.hours, spec.enqueue) == (5, None, None)


def test_options_go_on_top_of_the_file(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(
        f"name: a\nrecipe: fakes:Curves\ndata: {data}\ntrials: 9\nconfirm_top: 2\n"
        "set: {depth: 1, noise: 0.1}\nstability: {train_epochs: 4, train_factor: 3}\n"
    )
    spec = options.sweep(file, {"trials": 5, "confirm_top": 0}, ["depth=2"], ["train_factor=2.5"])
    assert (spec.trials, spec.confirm_top) == (5, 0)
    assert spec.set == {"depth": 2, "noise": 0.1}
    assert (spec.stability.train_epochs, spec.stability.train_factor) == (4, 2.5)


@pytest.mark.parametrize("recipe", ["fakes:Curves", "some.deep.fakes:Curves"])
def test_a_sweep_without_a_name_is_named_after_recipe_and_time(recipe: str) -> None:
    spec = options.sweep(None, {"recipe": recipe, "data": "x"}, None, None)
    assert spec.name.startswith("fakes-20")


def test_a_file_whose_set_is_no_mapping_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("name: a\nset: [lr]\n")
    with pytest.raises(SettingsError, match=r"set is \['lr'\]; it must be a mapping of names to values"):
        options.sweep(file, {}, ["lr=1"], None)


def test_every_option_of_launch_is_a_field_of_the_sweep(data: Path) -> None:
    shown = CliRunner().invoke(app, ["launch", "--help"]).output
    for field in type(spec_of(data)).model_fields:
        assert f"--{field.replace('_', '-')} " in shown, field


# --- looking at a sweep ------------------------------------------------------------------------------------------


def test_status_tells_how_a_sweep_stands(steadytune: Steadytune, sweeps: Path) -> None:
    code, out, _ = steadytune("status", "sweep", "--sweeps", sweeps)
    assert code == 0
    assert "0 steady" in out
    assert "nonfinite: training loss was not finite" in out
    _, out, _ = steadytune("status", "--sweeps", sweeps)
    assert out.startswith("sweep: curves, ")
    assert out.endswith("ended\n")


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
    _, said, _ = steadytune("status", "sweep", "--sweeps", tmp_path)
    shown = [line for line in said.splitlines() if line[:1].isdigit()]
    assert len(shown) == MOST_ROWS
    assert [line.split()[0] for line in shown if " * " in line or "running" in line] == ["77", "299"]
    assert "300/5000 trials" in said
    assert "100 not shown" in said
    assert "--json" in said.splitlines()[-1]


def test_status_as_json_is_json(steadytune: Steadytune, sweeps: Path) -> None:
    found = strict(steadytune("status", "sweep", "--json", "--sweeps", sweeps)[1])
    assert found["state"] == "ended"
    assert found["best"]["trial"] in (0, 2, 3)
    assert [trial["reason"] for trial in found["trials"]][:2] == ["done", "nonfinite"]
    assert strict(steadytune("status", "--json", "--sweeps", sweeps)[1]) == [found]


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
    found = strict(steadytune("explain", "sweep", trial, "--json", "--sweeps", sweeps)[1])
    assert found["trial"] == trial
    assert found["decisions"][-1]["reason"] == ("done", "nonfinite")[trial]
    assert len(found["curve"]) == found["epochs"]


def test_explain_tells_epoch_by_epoch_what_happened(steadytune: Steadytune, sweeps: Path) -> None:
    _, out, _ = steadytune("explain", "sweep", 1, "--sweeps", sweeps)
    assert "training loss nan" in out
    assert "stopped (nonfinite: weights or training loss no longer finite)" in out


def test_a_sweep_without_a_trial_yet_can_be_looked_at(steadytune: Steadytune, tmp_path: Path, data: Path) -> None:
    made = plan_of(data)
    folder = SweepFolder.create(tmp_path, made.spec)
    Journal(folder.journal)
    assert strict(steadytune("status", "sweep", "--json", "--sweeps", tmp_path)[1])["trials"] == []
    assert steadytune("status", "sweep", "--sweeps", tmp_path)[0] == 0
    code, _, error = steadytune("export", "sweep", "--sweeps", tmp_path)
    assert (code, "no trial of sweep sweep trained to its end yet" in error) == (2, True)


def test_a_running_sweep_can_be_looked_at(steadytune: Steadytune, tmp_path: Path, data: Path) -> None:
    made = plan_of(data)
    folder = SweepFolder.create(tmp_path, made.spec)
    workers = Workers()
    journal = Journal(folder.journal)
    conductor = Conductor(made, journal, delete=workers.disk.delete)
    conductor.open(2)
    workers.fill(conductor)
    workers.step(conductor, 0)
    journal.flush()
    code, out, _ = steadytune("status", "sweep", "--sweeps", tmp_path)
    assert code == 0
    assert "starting" in out
    _, out, _ = steadytune("explain", "sweep", 1, "--sweeps", tmp_path)
    assert "0 of 4 epochs; no score so far." in out
    assert "will go on when the sweep is resumed" in out


def test_export_writes_the_winner_or_the_trial_that_is_named(steadytune: Steadytune, sweeps: Path) -> None:
    code, out, _ = steadytune("export", "sweep", "--sweeps", sweeps)
    assert code == 0
    assert str(sweeps / "sweep" / "best" / "curves.json") in out
    steadytune("export", "sweep", 1, "--sweeps", sweeps)
    settings = sweeps / "sweep" / "trial-0001" / "settings.yaml"
    assert "nan_at: 1" in settings.read_text()


# --- recipes -----------------------------------------------------------------------------------------------------


def test_a_recipe_is_shown_in_full(steadytune: Steadytune) -> None:
    code, out, _ = steadytune("recipes", "fakes:Curves")
    assert code == 0
    assert "curves: draws a curve" in out
    found = strict(steadytune("recipes", "fakes:Curves", "--json")[1])
    assert found["baseline"] == "steady"
    assert found["presets"]["short"]["epochs"] == 4
    assert found["ranges"]["noise"]["when"] == "depth > 1"


def test_a_sample_can_be_written_and_checked_and_trained_on(steadytune: Steadytune, tmp_path: Path) -> None:
    assert steadytune("sample", "fakes:Curves", tmp_path / "sample")[1] == f"wrote {tmp_path / 'sample'}\n"
    file = tmp_path / "sweep.yaml"
    file.write_text(
        f"name: a\nrecipe: fakes:Curves\npreset: long\ndata: {tmp_path / 'sample'}\nset: {{depth: [1, 2]}}\n"
    )
    code, out, _ = steadytune("check", file, "--sweeps", tmp_path)
    assert code == 0
    assert "rungs at epochs 3, 4, 7, 10, 15, 23: those behind wait" in out
    assert "first trials: steady" in out
    out_folder = tmp_path / "out"
    code, out, _ = steadytune(
        "train", "fakes:Curves", "--data", tmp_path / "sample", "--preset", "short", "--out", out_folder
    )
    assert code == 0
    assert out.splitlines()[-1] == f"best: epoch 4, score 0.4998, in {out_folder / 'checkpoints'}"
    assert [path.name for path in (out_folder / "checkpoints").iterdir()] == ["epoch-0004"]


def test_a_training_without_a_new_best_ends_by_patience_and_keeps_its_best(
    steadytune: Steadytune, data: Path, tmp_path: Path
) -> None:
    arguments = ("train", "fakes:Curves", "--data", data, "--preset", "long", "--set", "noise=0.05", "--out", tmp_path)
    code, out, _ = steadytune(*arguments, "--patience", 5)
    assert code == 0
    assert out.splitlines()[-2:] == [
        "epoch 13: no better score than epoch 8's for 5 epochs; stopped",
        f"best: epoch 8, score 0.5907, in {tmp_path / 'checkpoints'}",
    ]
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"epoch-0008", "epoch-0013"}
    code, out, _ = steadytune(*arguments, "--resume", tmp_path / "checkpoints" / "epoch-0013")
    assert "best: epoch 26, score 0.6342" in out
    kept = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert kept == {"epoch-0008", "epoch-0013", "epoch-0026", "epoch-0027"}, "what was best before is not known"


def test_an_export_is_proven_in_a_process_of_its_own(
    steadytune: Steadytune, sweeps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    code, _, _ = steadytune("export", "sweep", "--prove", 2, "--sweeps", sweeps)
    assert code == 0
    settings = sweeps / "sweep" / "best" / "settings.yaml"
    settings.write_text(settings.read_text().replace("quality: 0.6", "quality: 0.7"))
    code, _, error = steadytune("prove", sweeps / "sweep" / "best")
    assert code == 2
    assert "settings.yaml: quality is 0.7, but the trial had 0.6; export again" in error


@pytest.mark.e2e  # draws all figures, seconds
def test_report_writes_one_file_and_compare_puts_sweeps_side_by_side(steadytune: Steadytune, sweeps: Path) -> None:
    code, out, _ = steadytune("report", "sweep", "--sweeps", sweeps)
    assert code == 0
    assert Path(out.strip()).read_text().count("<!doctype html>") == 1
    code, out, _ = steadytune("compare", "sweep", "sweep", "--sweeps", sweeps)
    assert code == 0
    assert "worker hours" in out
    code, _, error = steadytune("compare", "sweep", "swep", "--sweeps", sweeps)
    assert code == 2
    assert "did you mean 'sweep'?" in error


def test_a_report_that_cannot_be_written_is_a_mistake(steadytune: Steadytune, sweeps: Path) -> None:
    code, _, error = steadytune("report", "sweep", "--to", sweeps / "none" / "report.html", "--sweeps", sweeps)
    assert code == 2
    assert "report.html: cannot be written (No such file or directory); give another file with --to" in error
