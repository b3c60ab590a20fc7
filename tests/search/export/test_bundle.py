from __future__ import annotations

import errno
import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from search.export.bundle import _copy_folder, check_target, export
from search.state.outcome import result
from search.storage import remote_sweep
from search.storage.object_store import Storage
from search.sweep.folder import SweepFolder
from search.sweep.uri import located
from tests.support.fakes import Curves, plan_of, spec_of
from tests.support.told import Story, write_checkpoint
from tests.support.workers import swept
from trainables import checkpoint
from trainables.errors import CheckpointError, SteadytuneError
from trainables.settings import Settings, read_yaml


@pytest.fixture
def story(data: Path) -> Story:
    return Story(data, confirm_top=2, confirm_seeds=2)


@pytest.fixture
def folder(tmp_path: Path, data: Path) -> SweepFolder:
    return SweepFolder.create(tmp_path / "sweeps", spec_of(data))


def test_an_export_has_settings_native_files_and_checkpoint(story: Story, folder: SweepFolder) -> None:
    number = story.trial([0.5])
    write_checkpoint(folder, number, 1)
    files = export(story.state, folder, number, folder.best)
    assert [path.name for path in files] == ["README.md", "about.json", "checkpoint", "curves.json", "settings.yaml"]
    assert read_yaml(folder.best / "settings.yaml") == story.state.trials[number].started.settings
    assert json.loads((folder.best / "checkpoint" / "state.json").read_text()) == {"trial": number, "epoch": 1}


def test_an_exports_settings_are_those_of_the_training_that_wrote_its_checkpoint(
    story: Story, folder: SweepFolder
) -> None:
    first = story.trial([0.5])
    again = story.trial([0.6], of=first)
    write_checkpoint(folder, again, 1)
    export(story.state, folder, first, folder.best)
    assert read_yaml(folder.best / "settings.yaml")["seed"] == story.state.trials[again].started.settings["seed"]


def test_the_command_in_its_readme_can_be_typed(story: Story, folder: SweepFolder) -> None:
    """The data set's folder has a space in its name."""
    export(story.state, folder, story.trial([0.5]), folder.best)
    command = next(line for line in (folder.best / "README.md").read_text().splitlines() if line.startswith("Re-train"))
    words = shlex.split(command.partition("`")[2].partition("`")[0])
    assert words[:2] == ["steadytune", "train"]
    assert words[-1] == located(story.state.plan.spec.data)


def test_an_export_replaces_an_older_one_whole(story: Story, folder: SweepFolder) -> None:
    number = story.trial([0.5])
    folder.best.mkdir()
    (folder.best / "old.txt").write_text("old")
    export(story.state, folder, number, folder.best)
    assert sorted(path.name for path in folder.best.iterdir()) == [
        "README.md",
        "about.json",
        "curves.json",
        "settings.yaml",
    ]


def test_an_export_that_fails_leaves_the_older_one(story: Story, folder: SweepFolder) -> None:
    number = story.trial([0.5])
    export(story.state, folder, number, folder.best)
    story.state.trials[number].started.drawn["quality"] = "broken"
    with pytest.raises(SteadytuneError, match="quality"):
        export(story.state, folder, number, folder.best)
    assert sorted(path.name for path in folder.best.iterdir()) == [
        "README.md",
        "about.json",
        "curves.json",
        "settings.yaml",
    ]


def test_what_is_no_export_is_not_replaced_by_one(story: Story, folder: SweepFolder, tmp_path: Path) -> None:
    folder_of_a_user = tmp_path / "own"
    check_target(folder_of_a_user)
    folder_of_a_user.mkdir()
    check_target(folder_of_a_user)
    (folder_of_a_user / "thesis.tex").write_text("years of work")
    for target in (folder_of_a_user, folder_of_a_user / "thesis.tex"):
        with pytest.raises(SteadytuneError, match="exists and is no export, so it is not replaced; give another"):
            check_target(target)
    export(story.state, folder, story.trial([0.5]), folder.best)
    check_target(folder.best)


def test_an_unknown_trial_is_answered_with_how_many_there_are(story: Story, folder: SweepFolder) -> None:
    story.trial([0.5])
    with pytest.raises(SteadytuneError, match="no trial 7 in sweep sweep; it has trials 0 to 0"):
        export(story.state, folder, 7, folder.best)


def test_of_the_checkpoints_at_a_storage_only_the_best_one_comes_back_to_the_folder(
    data: Path, folder: SweepFolder, tmp_path: Path
) -> None:
    """The others may be superfluous: deleted here, and not yet there."""
    uri = (tmp_path / "storage").as_uri()
    story = Story(data, storage=uri)
    storage = Storage(uri, folder.name)
    storage.write(remote_sweep.OWNER, b"0123 this machine")
    number = story.trial([0.5, 0.9, 0.4])
    for epoch in (1, 2, 3):
        path = checkpoint.write(
            folder.checkpoint(number, epoch).parent, epoch, lambda directory: (directory / "state.json").touch()
        )
        remote_sweep.upload_checkpoint(storage, path.parents[1], epoch)
        checkpoint.remove(path)
    export(story.state, folder, number, folder.best)
    assert json.loads((folder.best / "about.json").read_text())["checkpoint_epoch"] == 2
    assert list(checkpoint.by_epoch(folder.checkpoint(number, 2).parent)) == [2]


# --- weights -------------------------------------------------------------------------------------------------------


class Winner:
    """A sweep with a winner that is not exported yet."""

    def __init__(self, data: Path, root: Path) -> None:
        plan = plan_of(data, trials=3, confirm_top=1, confirm_seeds=1, seed=1)
        self.folder = SweepFolder.create(root / "sweeps", plan.spec)
        self.state = swept(plan, self.folder.journal).state
        for trial in self.state.trials.values():
            for point in trial.curve.evaluated:
                checkpoint = self.folder.checkpoint(trial.started.trial, point.epoch)
                checkpoint.mkdir(parents=True)
                (checkpoint / "state.pt").write_bytes(b"trained")

    def export(self, onnx: bool = False) -> str:
        """Export it; returns its README."""
        export(self.state, self.folder, result(self.state).trial, self.folder.best, onnx)
        return (self.folder.best / "README.md").read_text()


@pytest.fixture
def winner(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Winner:
    """Its recipe writes plain weights: the checkpoint's only file, backwards."""

    def weights(self: Curves, settings: Settings, checkpoint: Path, directory: Path) -> dict[str, str]:
        (directory / "weights.bin").write_bytes((checkpoint / "state.pt").read_bytes()[::-1])
        return {"weights.bin": "read it backwards"}

    monkeypatch.setattr(Curves, "weights", weights)
    return Winner(data, tmp_path)


def test_an_export_holds_plain_weights_and_says_how_they_are_loaded(winner: Winner) -> None:
    assert "\nweights.bin: read it backwards\n" in winner.export()
    assert (winner.folder.best / "weights.bin").read_bytes() == b"deniart"


def test_without_plain_weights_there_is_an_export_that_says_why(
    winner: Winner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def weights(*_: Any) -> dict[str, str]:
        raise CheckpointError("state.pt: has no names; an older version wrote it, so train again")

    monkeypatch.setattr(Curves, "weights", weights)
    assert "\nno plain weights: state.pt: has no names; an older version wrote it, so train again\n" in winner.export()


def test_onnx_that_a_recipe_cannot_write_is_refused_and_the_last_export_stays(winner: Winner) -> None:
    winner.export()
    before = sorted(winner.folder.path.iterdir())
    with pytest.raises(SteadytuneError, match="writes no ONNX; take its plain weights, without --onnx"):
        winner.export(onnx=True)
    assert (winner.folder.best / "weights.bin").is_file()
    assert sorted(winner.folder.path.iterdir()) == before, "nothing half-written is left"


def test_a_disk_that_is_full_while_the_winner_is_copied_is_said_to_be_full(tmp_path: Path) -> None:
    """As an `OSError` with its number, by which the sweep ends with one sentence and can be resumed."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    checkpoint, disk = tmp_path / "checkpoint", tmp_path / "disk"
    (checkpoint / "folder").mkdir(parents=True)
    (checkpoint / "folder" / "weights").write_bytes(bytes(3 << 20))
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this container may not mount")
    try:
        with pytest.raises(OSError, match="No space left") as raised:
            _copy_folder(checkpoint, disk / "copy")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    assert raised.value.errno == errno.ENOSPC


def test_a_checkpoint_is_copied_with_its_folders(tmp_path: Path) -> None:
    (tmp_path / "from" / "folder").mkdir(parents=True)
    (tmp_path / "from" / "folder" / "weights").write_text("1")
    (tmp_path / "from" / "settings.yaml").write_text("2")
    _copy_folder(tmp_path / "from", tmp_path / "to")
    copied = {path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*")}
    assert copied == {"folder", "folder/weights", "settings.yaml"}
    assert (tmp_path / "to" / "folder" / "weights").read_text() == "1"
