from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from search.cli.app import app
from search.cli.verbs import SECTIONS, VERBS, VerbGroup
from search.execution.crash import disk_problem
from tests.support import REPOSITORY
from tests.support.terminal import Steadytune, strict

HEAVY = {
    "numpy",
    "pydantic",
    "packaging",
    "yaml",
    "rich",
    "torch",
    "ray",
    "mlflow",
    "optuna",
    "pyarrow",
    "pandas",
    "ultralytics",
    "cv2",
    "sklearn",
}


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


def test_the_help_imports_nothing_but_the_command_line() -> None:
    assert modules("--help") == set()
    assert modules("--version") == set()


def test_the_help_of_a_verb_and_the_list_of_recipes_import_little() -> None:
    assert modules("launch", "--help") == {"pydantic", "yaml"}
    assert modules("recipes", "--json") == {"pydantic", "yaml", "rich", "numpy"}


def test_looking_at_a_sweep_imports_only_what_reads_its_journal(sweeps: Path) -> None:
    assert modules("status", "sweep", "--sweeps", str(sweeps)) == {"pydantic", "yaml", "rich", "numpy", "pyarrow"}


# --- exit codes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0
    assert f" {verb} " in result.output


@pytest.mark.parametrize("name", VERBS)
def test_each_argument_of_a_verb_is_in_capitals_or_a_file_and_says_what_it_is(name: str) -> None:
    context = typer.Context(get_command(app))
    for parameter in VerbGroup().get_command(context, name).params:
        if parameter.param_type_name == "argument":
            assert parameter.help, parameter.name
            assert parameter.metavar == "SWEEP.yaml" or parameter.metavar.isupper(), parameter.name


@pytest.mark.parametrize("name", VERBS)
def test_the_line_about_a_verb_is_the_first_of_its_help(name: str) -> None:
    context = typer.Context(get_command(app))
    assert VerbGroup().get_command(context, name).help == VERBS[name].summary


def test_the_help_and_the_page_of_commands_have_the_same_sections() -> None:
    on_page: dict[str, set[str]] = {}
    for line in (REPOSITORY / "docs/commands.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            verbs = on_page.setdefault(line.removeprefix("## "), set())
        elif line.startswith("| `steadytune "):
            verbs.add(line.split("`")[1].split()[1])
    for section, of_section in SECTIONS.items():
        assert on_page[section] == of_section.keys()


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
    file.write_text("name: a\nrecipe: tests.support.fakes:Curves\ndata: x\ntrails: 3\n")
    curves = ["--recipe", "tests.support.fakes:Curves", "--preset", "short"]
    mistakes: dict[str, tuple[object, ...]] = {
        "unknown field 'trails'; did you mean 'trials'?": ("check", file),
        "missing.yaml: no such file": ("check", tmp_path / "missing.yaml"),
        "setting 'trials' is 0; it must be greater than 0": ("launch", *curves, "--data", data, "--trials", 0),
        "unknown recipe 'yolo'": ("launch", "--recipe", "yolo", "--data", data, "--sweeps", tmp_path),
        "--set is 'lr'; it must be name=value": ("launch", *curves, "--data", data, "--set", "lr"),
        "--set x line 1: not valid YAML": ("launch", *curves, "--data", data, "--set", "x={low: 1"),
        "set.depht is no setting": ("launch", *curves, "--data", data, "--set", "depht=[1]", "--sweeps", tmp_path),
        "no sweep 'sweeep' in": ("resume", "sweeep", "--sweeps", sweeps),
        "did you mean 'sweep'?": ("sync", "sweeep", "--sweeps", sweeps),
        "no trial 99 in sweep sweep; it has trials 0 to ": ("explain", "sweep", 99, "--sweeps", sweeps),
        "no trial 98 in sweep sweep; it has trials 0 to ": ("export", "sweep", 98, "--sweeps", sweeps),
        "data.txt/out: cannot be written (Not a directory); give another folder with --to": (
            *("export", "sweep", "--to", data / "data.txt" / "out", "--sweeps", sweeps),
        ),
        "exists and is no export, so it is not replaced": ("export", "sweep", "--to", data, "--sweeps", sweeps),
        "mlflow.db: no MLflow store there yet": ("browse", "--sweeps", tmp_path),
        "unknown recipe 'curves'": ("recipes", "curves"),
        "unknown recipe 'nothing'": ("sample", "nothing", tmp_path / "out"),
        "data.txt: no such file": ("train", "tests.support.fakes:Curves", "--data", tmp_path, "--preset", "short"),
        "unknown preset 'paper'": ("train", "tests.support.fakes:Curves", "--data", data),
        "no such checkpoint directory": (
            "train",
            "tests.support.fakes:Curves",
            "--data",
            data,
            "--preset",
            "short",
            "--resume",
            "x",
        ),
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

    monkeypatch.setattr("search.journal.segments.list_segments", refused)
    code, output, error = steadytune("status", "sweep", "--sweeps", sweeps)
    assert (code, output) == (2, "")
    assert error == (
        f"steadytune: {journal}: permission denied; run this as its owner, or give yourself access to it\n"
    )


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC])
def test_a_disk_that_takes_nothing_is_named(
    steadytune: Steadytune, sweeps: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    requests = sweeps / "sweep" / "requests"

    def refused(box: object, request: object) -> None:
        raise OSError(number, os.strerror(number), str(requests))

    monkeypatch.setattr("search.sweep.requests.RequestBox.put", refused)
    code, output, error = steadytune("add", "sweep", "quality=0.5", "--sweeps", sweeps)
    assert (code, output) == (2, "")
    assert error == f"steadytune: {requests}: {disk_problem(OSError(number, os.strerror(number)))}\n"


def test_an_unknown_option_is_a_mistake_too(steadytune: Steadytune) -> None:
    code, _, error = steadytune("launch", "--trails", 3)
    assert code == 2
    assert "--trails" in error


def test_a_mistake_leaves_nothing_behind(steadytune: Steadytune, tmp_path: Path, data: Path) -> None:
    root = tmp_path / "sweeps"
    code, _, _ = steadytune(
        "launch", "--recipe", "tests.support.fakes:Curves", "--data", data, "--sweeps", root, "--preset", "no"
    )
    assert code == 2
    assert not root.exists()


# --- recipes -----------------------------------------------------------------------------------------------------


def test_a_recipe_is_shown_in_full(steadytune: Steadytune) -> None:
    code, out, _ = steadytune("recipes", "tests.support.fakes:Curves")
    assert code == 0
    assert "curves: draws a curve" in out
    described = strict(steadytune("recipes", "tests.support.fakes:Curves", "--json")[1])
    assert described["baseline"] == "steady"
    assert described["presets"]["short"]["epochs"] == 4
    assert described["ranges"]["noise"]["when"] == "depth > 1"


def test_a_sample_can_be_written_and_checked_and_trained_on(steadytune: Steadytune, tmp_path: Path) -> None:
    assert (
        steadytune("sample", "tests.support.fakes:Curves", tmp_path / "sample")[1] == f"wrote {tmp_path / 'sample'}\n"
    )
    file = tmp_path / "sweep.yaml"
    file.write_text(
        "name: a\nrecipe: tests.support.fakes:Curves\npreset: long\n"
        f"data: {tmp_path / 'sample'}\nset: {{depth: [1, 2]}}\n"
    )
    code, out, _ = steadytune("check", file, "--sweeps", tmp_path)
    assert code == 0
    assert (
        "rungs at epochs 3, 4, 6, 8, 12, 16, 23: trials below the cutoff are paused, and may be promoted later" in out
    )
    assert "early rungs at epochs 1, 2: trials that look better there train first" in out
    assert "first trials: steady" in out
    out_folder = tmp_path / "out"
    code, out, _ = steadytune(
        "train", "tests.support.fakes:Curves", "--data", tmp_path / "sample", "--preset", "short", "--out", out_folder
    )
    assert code == 0
    assert out.splitlines()[-1] == f"best: epoch 4, score 0.4998, in {out_folder / 'checkpoints'}"
    assert [path.name for path in (out_folder / "checkpoints").iterdir()] == ["epoch-0004"]


def test_a_training_without_a_new_best_ends_by_patience_and_keeps_its_best(
    steadytune: Steadytune, data: Path, tmp_path: Path
) -> None:
    arguments = (
        "train",
        "tests.support.fakes:Curves",
        "--data",
        data,
        "--preset",
        "long",
        "--set",
        "noise=0.05",
        "--out",
        tmp_path,
    )
    code, out, _ = steadytune(*arguments, "--patience", 5)
    assert code == 0
    *_, ended, figures, best = out.splitlines()
    assert ended == "epoch 13: no better score than epoch 8's for 5 epochs; stopped"
    assert figures.startswith("figures: ")
    assert best == f"best: epoch 8, score 0.5907, in {tmp_path / 'checkpoints'}"
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"epoch-0008", "epoch-0013"}
    code, out, _ = steadytune(*arguments, "--resume", tmp_path / "checkpoints" / "epoch-0013")
    assert "best: epoch 26, score 0.6342" in out
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"epoch-0026", "epoch-0027"}


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
