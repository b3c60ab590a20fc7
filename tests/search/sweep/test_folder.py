from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.sweep.folder import SweepFolder, names
from tests.support.fakes import spec_of
from trainables.errors import SteadytuneError


def test_a_sweeps_description_is_kept_with_it(tmp_path: Path, data: Path) -> None:
    spec = spec_of(data, trials=7, set={"quality": 0.5})
    SweepFolder.create(tmp_path / "new" / "sweeps", spec)
    assert SweepFolder.existing(tmp_path / "new" / "sweeps", "sweep").spec() == spec


def test_a_name_that_is_taken_is_refused(tmp_path: Path, data: Path) -> None:
    SweepFolder.create(tmp_path, spec_of(data))
    with pytest.raises(
        SteadytuneError, match=r"name is sweep, but .*; give another name, or go on with it: `steadytune"
    ):
        SweepFolder.create(tmp_path, spec_of(data))


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
    whole = folder.checkpoint(3, 12)
    assert whole == folder.path / "trials" / "0003" / "checkpoints" / "epoch-0012"
    for path in (whole, whole.with_name("epoch-0013.partial"), whole.with_name("epoch-0011.removed")):
        path.mkdir(parents=True)
        (path / "state.pt").write_text("x")
    folder.sweep_up()
    assert list(folder.trials.glob("*/checkpoints/*")) == [whole]


@pytest.mark.parametrize("brackets", [1, 3])
def test_a_stored_sweep_with_an_option_that_was_removed_since_still_opens(
    tmp_path: Path, data: Path, brackets: int
) -> None:
    spec = spec_of(data)
    folder = SweepFolder.create(tmp_path, spec)
    folder.spec_file.write_text(f"{spec.dump()}brackets: {brackets}\n")
    assert folder.spec() == spec
    assert folder.plan().spec == spec


def test_only_at_its_default_may_such_a_sweep_be_resumed(tmp_path: Path, data: Path) -> None:
    spec = spec_of(data)
    folder = SweepFolder.create(tmp_path, spec)
    folder.spec_file.write_text(f"{spec.dump()}brackets: 1\n")
    folder.check_resumable()
    folder.spec_file.write_text(f"{spec.dump()}brackets: 3\n")
    with pytest.raises(SteadytuneError, match=r"launched with brackets: 3, which is no longer an option, so it cannot"):
        folder.check_resumable()
