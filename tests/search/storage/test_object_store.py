"""Files at a URI: there whole or not at all, and waited for while they cannot be reached."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from search.storage.object_store import Storage, check_storage, patiently
from search.sweep.plan import make_plan
from search.sweep.uri import check_place
from tests.support.fakes import spec_of
from trainables.errors import SettingsError


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage((tmp_path / "there").as_uri(), "sweep")


def test_what_was_written_is_read_listed_fetched_and_deleted(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w" * 1000)
    storage.write("trials/0001/weights", tmp_path / "weights")
    storage.write("sweep.yaml", b"name: sweep")
    storage.write("sweep.yaml", b"name: other")
    assert {name: size for name, (size, _) in storage.names().items()} == {
        "sweep.yaml": 11,
        "trials/0001/weights": 1000,
    }
    assert list(storage.names("trials")) == ["trials/0001/weights"]
    assert storage.read("sweep.yaml") == b"name: other"
    storage.fetch("trials/0001/weights", tmp_path / "here" / "weights")
    assert (tmp_path / "here" / "weights").read_bytes() == b"w" * 1000
    storage.delete("sweep.yaml")
    storage.delete("sweep.yaml")
    storage.remove(["trials/0001", "trials/0002"], "weights")
    assert storage.names() == {}
    with pytest.raises(FileNotFoundError):
        storage.read("sweep.yaml")


def test_a_path_is_a_storage_too(tmp_path: Path) -> None:
    check_storage("storage", str(tmp_path / "made" / "by" / "launch"))


def test_a_file_that_comes_in_part_is_no_file(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(source: str, target: str, **_: object) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:5])

    (tmp_path / "weights").write_bytes(b"w" * 1000)
    monkeypatch.setattr(fs, "copy_files", cut_short)
    with pytest.raises(OSError, match="weights came to the storage with 5 of its 1000 bytes"):
        storage.write("weights", tmp_path / "weights")
    assert "weights" not in storage.names()


def test_a_name_that_would_leave_its_folder_is_left_out(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    class Files:
        def get_file_info(self, _: object) -> list[fs.FileInfo]:
            there = ("data.yaml", "../../.ssh/authorized_keys", "a/../../b", "a..b/c")
            return [fs.FileInfo(f"bucket/{name}", type=fs.FileType.File, size=1, mtime_ns=1) for name in there]

    monkeypatch.setattr(storage, "_files", Files())
    monkeypatch.setattr(storage, "_base", "bucket")
    assert set(storage.names()) == {"data.yaml", "a..b/c"}


@pytest.mark.parametrize("field", ["storage", "data"])
def test_a_uri_with_a_key_is_refused_and_not_repeated(data: Path, field: str) -> None:
    spec = spec_of(data).model_copy(update={field: "s3://AKIA:hidden@bucket/sweeps"})
    with pytest.raises(SettingsError, match=f"{field} holds a key or a password.*AWS_SECRET_ACCESS_KEY") as said:
        make_plan(spec)
    assert "hidden" not in str(said.value)


def test_a_relative_path_means_another_folder_on_each_node_and_is_refused() -> None:
    with pytest.raises(SettingsError, match="storage is sweeps; it must be an absolute path or a URI, such as"):
        check_place("storage", "sweeps")


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("s4://bucket/folder", "Unrecognized filesystem type"),
        ("s3://bucket/folder?endpont_override=x", "Unexpected query parameter in S3 URI: 'endpont_override'"),
        ("/dev/null/folder", "Not a directory|cannot be used"),
    ],
)
def test_what_is_no_storage_is_named_in_one_sentence(uri: str, why: str) -> None:
    with pytest.raises(SettingsError, match=rf"^storage is {uri.replace('?', '[?]')}; .*({why})") as said:
        check_storage("storage", uri)
    assert "\n" not in str(said.value)


class Failing:
    """Fails `times` times; keeps what was said and how long was waited."""

    def __init__(self, times: int, error: OSError | None = None) -> None:
        self.times = times
        self.error = error or OSError("AWS Error NETWORK_CONNECTION\nmore")
        self.said: list[str] = []
        self.waits: list[float] = []

    def __call__(self) -> str:
        self.times -= 1
        if self.times >= 0:
            raise self.error
        return "done"

    def patiently(self, end: Any = None) -> str:
        def wait(seconds: float) -> Any:
            self.waits.append(seconds)
            return end

        return patiently(self, self.said.append, wait)


def test_a_storage_that_is_away_is_waited_for_and_told_of_once() -> None:
    failing = Failing(7)
    assert failing.patiently() == "done"
    assert failing.waits == [1, 2, 4, 8, 15, 15, 15]
    assert len(failing.said) == 2
    assert "does not answer; nothing is lost" in failing.said[0]
    assert "(AWS Error NETWORK_CONNECTION)" in failing.said[0]
    assert "answers again" in failing.said[1]


def test_nobody_is_told_of_a_storage_that_answers() -> None:
    failing = Failing(0)
    assert failing.patiently() == "done"
    assert (failing.said, failing.waits) == ([], [])


def test_a_full_disk_is_not_waited_for() -> None:
    failing = Failing(1, OSError(errno.ENOSPC, "full"))
    with pytest.raises(OSError, match="full"):
        failing.patiently()
    assert failing.waits == []


def test_waiting_ends_when_it_is_not_worth_it_any_more() -> None:
    failing = Failing(99)
    with pytest.raises(OSError, match="NETWORK_CONNECTION"):
        failing.patiently(end=True)
    assert len(failing.waits) == 1
