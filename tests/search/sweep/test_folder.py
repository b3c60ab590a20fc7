from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from search.sweep.data_look import DataLook
from search.sweep.folder import SweepFolder, names
from search.sweep.spec import read_spec
from tests.support.fakes import spec_of
from trainables.errors import SettingsError, SteadytuneError


def test_a_sweeps_description_is_kept_with_it(tmp_path: Path, data: Path) -> None:
    spec = spec_of(data, trials=7, set={"quality": 0.5})
    SweepFolder.create(tmp_path / "new" / "sweeps", spec)
    assert SweepFolder.existing(tmp_path / "new" / "sweeps", "sweep").spec() == spec


def test_a_name_that_is_taken_is_refused(tmp_path: Path, data: Path) -> None:
    SweepFolder.create(tmp_path, spec_of(data))
    with pytest.raises(
        SteadytuneError, match=r"name is sweep, but .* with a sweep; give another name, or go on with it: `steadytune"
    ):
        SweepFolder.create(tmp_path, spec_of(data))


class KilledHere(DataLook):
    def write(self, folder: Path) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_launch_that_is_killed_leaves_its_name_free(tmp_path: Path, data: Path) -> None:
    if not (child := os.fork()):
        SweepFolder.create(tmp_path, spec_of(data), KilledHere())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert names(tmp_path) == []
    SweepFolder.create(tmp_path, spec_of(data))
    assert names(tmp_path) == ["sweep"]


def test_an_empty_folder_has_no_name_taken_and_one_with_other_files_is_left_alone(tmp_path: Path, data: Path) -> None:
    (tmp_path / "sweep").mkdir()
    SweepFolder.create(tmp_path, spec_of(data))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(SteadytuneError, match=r"mine exists, which holds no sweep; give another name, or delete it$"):
        SweepFolder.create(tmp_path, spec_of(data, name="mine"))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_an_unknown_sweep_is_answered_with_the_nearest(tmp_path: Path, data: Path) -> None:
    SweepFolder.create(tmp_path, spec_of(data, name="yolo-1"))
    with pytest.raises(SteadytuneError, match=r"no sweep 'yolo-2' in .*; did you mean 'yolo-1'"):
        SweepFolder.existing(tmp_path, "yolo-2")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, data: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SteadytuneError, match=r"cannot be written .*; give another folder with --sweeps"):
        SweepFolder.create(tmp_path / "file" / "sweeps", spec_of(data))


def test_sweeps_are_listed_and_other_folders_are_not(tmp_path: Path, data: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    for name in ("b", "a"):
        SweepFolder.create(tmp_path, spec_of(data, name=name))
    os.utime(tmp_path / "b" / "sweep.yaml", (1, 1))
    (tmp_path / "b" / "report.html").write_text("written later")
    assert names(tmp_path) == ["b", "a"], "oldest first"
    assert names(tmp_path / "nowhere") == []


def test_files_that_are_deleted_meanwhile_do_not_count(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = SweepFolder.create(tmp_path, spec_of(data))
    before = folder.size
    for epoch in (1, 2):
        folder.checkpoint(0, epoch).mkdir(parents=True)
        (folder.checkpoint(0, epoch) / "state.pt").write_bytes(b"0" * 1000)
    (folder.path / "link").symlink_to(folder.checkpoint(0, 1) / "state.pt")
    assert folder.size == before + 2000
    looked = os.stat

    def stat(path: Any, **how: Any) -> os.stat_result:
        """The checkpoint of epoch 1 is deleted before its size is asked for."""
        if not how.get("follow_symlinks", True) and "epoch-0001" in str(path):
            (folder.checkpoint(0, 1) / "state.pt").unlink(missing_ok=True)
        return looked(path, **how)

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os, "lstat", partial(stat, follow_symlinks=False))
    assert folder.size == before + 1000


def test_a_sweep_runs_in_one_process_at_a_time(tmp_path: Path, data: Path) -> None:
    folder = SweepFolder.create(tmp_path, spec_of(data))
    with folder.locked():
        with pytest.raises(SteadytuneError, match="sweep sweep is running in another process"), folder.locked():
            pass
        with folder.locked("another.lock"):
            pass
    assert not folder.held
    with folder.locked():
        assert folder.held


def test_what_a_killed_process_left_half_deleted_is_swept_up_and_whole_checkpoints_stay(
    tmp_path: Path, data: Path
) -> None:
    folder = SweepFolder.create(tmp_path, spec_of(data))
    complete = folder.checkpoint(3, 12)
    assert complete == folder.path / "trials" / "0003" / "checkpoints" / "epoch-0012"
    for path in (complete, complete.with_name("epoch-0013.partial"), complete.with_name("epoch-0011.removed")):
        path.mkdir(parents=True)
        (path / "state.pt").write_text("x")
    folder.sweep_up()
    assert list(folder.trials.glob("*/checkpoints/*")) == [complete]


# --- fields that were removed ------------------------------------------------------------------------------------


def folder_of_the_last_version(root: Path, data: Path, **removed: Any) -> SweepFolder:
    """A sweep's folder whose description has fields that this version does not know any more."""
    folder = SweepFolder.create(root, spec_of(data))
    with folder.spec_file.open("a", encoding="utf-8") as file:
        yaml.safe_dump(removed, file)
    return folder


DEFAULT_AND_OTHER = [("brackets", 1, 3), ("warm_start_with", "best", "all")]


@pytest.mark.parametrize(("field", "default", "other"), DEFAULT_AND_OTHER)
def test_a_sweep_of_the_last_version_opens_whatever_its_removed_fields_say(
    tmp_path: Path, data: Path, field: str, default: Any, other: Any
) -> None:
    for value in (default, other):
        folder = folder_of_the_last_version(tmp_path / str(value), data, **{field: value})
        assert folder.plan().spec == spec_of(data)


@pytest.mark.parametrize(("field", "default", "other"), DEFAULT_AND_OTHER)
def test_a_sweep_that_used_a_removed_field_is_not_resumed_in_another_way(
    tmp_path: Path, data: Path, field: str, default: Any, other: Any
) -> None:
    folder_of_the_last_version(tmp_path / "default", data, **{field: default}).check_resumable()
    folder = folder_of_the_last_version(tmp_path / "other", data, **{field: other})
    folder.change(address="auto")
    with pytest.raises(SteadytuneError, match=f"was launched with {field}: {other}, which was removed: .*"):
        folder.check_resumable()


@pytest.mark.parametrize(("field", "default", "other"), DEFAULT_AND_OTHER)
def test_a_new_sweep_with_a_removed_field_is_told_why_and_what_to_do(
    data: Path, field: str, default: Any, other: Any
) -> None:
    for value in (default, other):
        with pytest.raises(SettingsError, match=rf"^sweep.yaml: {field} was removed: .*; leave it out"):
            read_spec(spec_of(data).model_dump() | {field: value}, "sweep.yaml")


def test_of_several_sweeps_that_are_as_close_the_newest_is_meant(tmp_path: Path, data: Path) -> None:
    """`make demo` adds the time to the name."""
    for days_ago, name in enumerate(("demo-20261130-0815", "demo-20261129-1453")):
        folder = SweepFolder.create(tmp_path, spec_of(data, name=name))
        os.utime(folder.spec_file, (0, -86400 * days_ago))
    with pytest.raises(SteadytuneError, match=r"no sweep 'demo' in .*; did you mean 'demo-20261130-0815'"):
        SweepFolder.existing(tmp_path, "demo")


def test_a_sweep_that_is_deleted_while_they_are_listed_is_left_out(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gone", "kept"):
        SweepFolder.create(tmp_path, spec_of(data, name=name))
    files = sorted(tmp_path.glob("*/sweep.yaml"))
    SweepFolder(tmp_path, "gone").remove()
    monkeypatch.setattr(Path, "glob", lambda *_: iter(files))
    assert names(tmp_path) == ["kept"]
