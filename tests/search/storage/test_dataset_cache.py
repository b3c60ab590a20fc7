"""Data sets at a URI: downloaded once per node, completely, into a folder of bounded size."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from search.storage import dataset_cache
from search.storage.dataset_cache import fetch, fingerprint
from search.storage.object_store import Storage
from trainables.errors import DataError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("STEADYTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(dataset_cache, "_LOCKS", [])
    yield tmp_path / "cache"
    release_locks()


def release_locks() -> None:
    """As if the processes that use the data sets had ended."""
    for lock in dataset_cache._LOCKS:
        lock.close()
    dataset_cache._LOCKS.clear()


def data_set(folder: Path, kilobytes: int = 1) -> str:
    (folder / "images").mkdir(parents=True)
    (folder / "data.yaml").write_text("names: [cow]\n")
    (folder / "images" / "a cow.png").write_bytes(folder.name.encode() * (1024 * kilobytes // len(folder.name)))
    return folder.as_uri()


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were fetched."""
    names: list[str] = []
    really = Storage.fetch

    def counted(self: Storage, name: str, target: Path) -> None:
        names.append(name)
        really(self, name, target)

    monkeypatch.setattr(Storage, "fetch", counted)
    return names


def test_a_folder_is_fetched_once_with_its_fingerprint(tmp_path: Path, fetched: list[str]) -> None:
    uri = data_set(tmp_path / "cows")
    first, again = fetch(uri, 1), fetch(uri, 1)
    assert first == again
    assert sorted(fetched) == ["data.yaml", "images/a cow.png"]
    assert (first.path / "images" / "a cow.png").read_bytes() == (tmp_path / "cows/images/a cow.png").read_bytes()
    assert first.fingerprint == fingerprint(tmp_path / "cows")


def test_of_a_file_its_folder_is_fetched(tmp_path: Path) -> None:
    uri = data_set(tmp_path / "cows")
    path = fetch(f"{uri}/data.yaml", 1).path
    assert path.read_text() == "names: [cow]\n"
    assert (path.parent / "images" / "a cow.png").is_file()


def test_the_fingerprint_follows_from_names_and_contents(tmp_path: Path) -> None:
    data_set(tmp_path / "cows")
    before = fingerprint(tmp_path / "cows")
    shutil.copytree(tmp_path / "cows", tmp_path / "copy")
    assert fingerprint(tmp_path / "copy") == before
    (tmp_path / "copy" / "data.yaml").rename(tmp_path / "copy" / "other.yaml")
    assert fingerprint(tmp_path / "copy") != before


def test_data_that_changed_are_downloaded_again_and_refused_for_a_sweep_that_began_with_others(tmp_path: Path) -> None:
    uri = data_set(tmp_path / "cows")
    before = fetch(uri, 1)
    (tmp_path / "cows" / "data.yaml").write_text("names: [pig]\n")
    after = fetch(uri, 1)
    assert (after.path / "data.yaml").read_text() == "names: [pig]\n"
    other = (
        f"it has the fingerprint {after.fingerprint[:12]}, but the sweep began with {before.fingerprint[:12]}; restore"
    )
    with pytest.raises(DataError, match=other):
        fetch(uri, 1, before.fingerprint)


def test_a_download_that_was_cut_short_is_completed(
    tmp_path: Path, fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = data_set(tmp_path / "cows")
    counted = Storage.fetch

    def killed_at_the_second(self: Storage, name: str, target: Path) -> None:
        if len(fetched) == 1:
            target.with_name(f"{target.name}.partial").parent.mkdir(parents=True, exist_ok=True)
            target.with_name(f"{target.name}.partial").write_bytes(b"half")
            raise KeyboardInterrupt
        counted(self, name, target)

    with monkeypatch.context() as patched:
        patched.setattr(Storage, "fetch", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            fetch(uri, 1)
    whole = fetch(uri, 1)
    assert sorted(fetched) == ["data.yaml", "images/a cow.png"]
    assert whole.fingerprint == fingerprint(whole.path) == fingerprint(tmp_path / "cows")


def test_the_least_recently_used_data_set_makes_room(tmp_path: Path, cache: Path) -> None:
    places = [fetch(data_set(tmp_path / name, 400), 0.001).path for name in ("cows", "pigs")]
    release_locks()
    time.sleep(0.01)
    fetch((tmp_path / "cows").as_uri(), 0.001)
    release_locks()
    third = fetch(data_set(tmp_path / "hens", 400), 0.001).path
    assert [path.is_dir() for path in [*places, third]] == [True, False, True]
    assert sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()) < 1e6


def test_a_data_set_in_use_is_not_removed(tmp_path: Path) -> None:
    used = fetch(data_set(tmp_path / "cows", 800), 0.001).path
    fetch(data_set(tmp_path / "pigs", 800), 0.001)
    assert (used / "data.yaml").is_file()


def test_a_file_that_another_process_removes_meanwhile_ends_no_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = fetch(data_set(tmp_path / "cows"), 0.001).path / "images" / "a cow.png"
    looked, looks = os.stat, Counter[str]()

    def stat(path: Any, **how: Any) -> os.stat_result:
        """The picture is gone when its size is asked for, after it was listed and seen to be a file."""
        looks[str(path)] += 1
        if looks[str(picture)] > 1 or (looks[str(picture)] and not how.get("follow_symlinks", True)):
            picture.unlink(missing_ok=True)
        return looked(path, **how)

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os, "lstat", partial(stat, follow_symlinks=False))
    fetch(data_set(tmp_path / "pigs"), 0.001)
    assert not picture.exists()


def test_a_data_set_larger_than_the_bound_and_one_that_does_not_exist_are_refused(tmp_path: Path) -> None:
    uri = data_set(tmp_path / "cows", 3000)
    with pytest.raises(DataError, match=f"data is {uri}; it has 0.0 GB, and data_cache_gb is 0.001; raise that"):
        fetch(uri, 0.001)
    with pytest.raises(DataError, match=r"nowhere; nothing is there"):
        fetch((tmp_path / "nowhere").as_uri(), 1)


def test_of_several_workers_that_need_it_at_once_one_downloads_it(
    tmp_path: Path, fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = data_set(tmp_path / "cows")
    counted = Storage.fetch

    def slow(self: Storage, name: str, target: Path) -> None:
        time.sleep(0.05)
        counted(self, name, target)

    monkeypatch.setattr(Storage, "fetch", slow)
    with ThreadPoolExecutor(4) as workers:  # each has its own hold of the lock, as processes have
        places = list(workers.map(lambda _: fetch(uri, 1), range(4)))
    assert len(set(places)) == 1
    assert sorted(fetched) == ["data.yaml", "images/a cow.png"]
