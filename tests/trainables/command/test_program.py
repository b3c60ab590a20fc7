"""A command whose program or script is not there is told before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainables.command.program import check_program
from trainables.errors import SettingsError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").touch()
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "go").write_text("#!/bin/sh\n")
    (tmp_path / "go").chmod(0o755)
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__main__.py").touch()
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "python train.py --lr 1",
        "python3.11 -u train.py config.py",
        "bash run.sh",
        "./go",
        "python -m package.train nowhere.py",
        "python -m torch.distributed.run nowhere.py",
        "python ${data}/train.py",
        "${env:PROGRAM} nowhere.py",
        "torchrun --nproc-per-node 2 train.py",
        "env LR=1 python nowhere.py",
        "bash -lc nowhere.py",
        "python package",
    ],
)
def test_what_may_start_is_let_through(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: f"/bin/{program}")
    check_program(line.split(), folder)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nowhere.sh --lr 1", "'nowhere.sh' is no program on the PATH; give its path, or install it"),
        ("run.sh --lr 1", "'run.sh' is no program on the PATH; for the file in .* write ./run.sh"),
        ("./nowhere.sh", "'./nowhere.sh' is no file; give the path of the program"),
        ("./run.sh", "'./run.sh' is not executable; `chmod \\+x ./run.sh`"),
        ("python nowhere.py", "'nowhere.py' is no file in .*; give the path of the script"),
        ("python -u nowhere.py", "'nowhere.py' is no file in"),
        ("bash nowhere", "'nowhere' is no file in"),
        ("python folder", "'folder' is no file in"),
        ("bash package", "'package' is no file in"),
        ("cd code && python train.py", "'&&' is for a shell, and no shell runs the command; write the line into a"),
        ("python train.py > log.txt", "'>' is for a shell"),
        ("CUDA_VISIBLE_DEVICES=0 python train.py", "'CUDA_VISIBLE_DEVICES=0' sets a variable, .* write `env` before"),
    ],
)
def test_what_cannot_start_is_one_sentence(line: str, words: str, folder: Path) -> None:
    with pytest.raises(SettingsError, match=words):
        check_program(line.split(), folder)


def test_torchrun_names_its_script_after_its_options(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: f"/bin/{program}")
    with pytest.raises(SettingsError, match=r"'nowhere\.py' is no file in"):
        check_program(["torchrun", "--nproc-per-node", "2", "nowhere.py"], folder)
