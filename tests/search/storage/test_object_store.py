"""Files at a URI: complete or absent, and waited for while the storage does not answer."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest
from pyarrow import fs

from search.storage import object_store
from search.storage.object_store import Storage, check_storage, retry_until_available
from search.sweep.plan import make_plan
from search.sweep.uri import check_uri
from tests.support.fakes import spec_of
from tests.support.slow_proxy import SlowProxy
from trainables.errors import SettingsError


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage((tmp_path / "there").as_uri(), "sweep")


def test_what_was_written_is_read_listed_fetched_and_deleted(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w" * 1000)
    storage.write("trials/0001/weights", tmp_path / "weights")
    storage.write("sweep.yaml", b"name: sweep")
    storage.write("sweep.yaml", b"name: other")
    assert {name: size for name, (size, _) in storage.list_files().items()} == {
        "sweep.yaml": 11,
        "trials/0001/weights": 1000,
    }
    assert list(storage.list_files("trials")) == ["trials/0001/weights"]
    assert storage.read("sweep.yaml") == b"name: other"
    storage.fetch("trials/0001/weights", tmp_path / "here" / "weights")
    assert (tmp_path / "here" / "weights").read_bytes() == b"w" * 1000
    storage.delete("sweep.yaml")
    storage.delete("sweep.yaml")
    storage.delete_folders(["trials/0001", "trials/0002"], "weights")
    assert storage.list_files() == {}
    with pytest.raises(FileNotFoundError):
        storage.read("sweep.yaml")


def test_a_path_is_accepted_as_a_storage_too(tmp_path: Path) -> None:
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
    assert "weights" not in storage.list_files()


def test_a_name_that_would_leave_its_folder_is_left_out(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    class Files:
        def get_file_info(self, _: object) -> list[fs.FileInfo]:
            names = ("data.yaml", "../../.ssh/authorized_keys", "a/../../b", "a..b/c")
            return [fs.FileInfo(f"bucket/{name}", type=fs.FileType.File, size=1, mtime_ns=1) for name in names]

    monkeypatch.setattr(storage, "_files", Files())
    monkeypatch.setattr(storage, "_base", "bucket")
    assert set(storage.list_files()) == {"data.yaml", "a..b/c"}


@pytest.mark.parametrize("field", ["storage", "data"])
def test_a_uri_with_a_key_is_refused_and_not_repeated(data: Path, field: str) -> None:
    spec = spec_of(data).model_copy(update={field: "s3://AKIA:hidden@bucket/sweeps"})
    with pytest.raises(SettingsError, match=f"{field} holds a key or a password.*AWS_SECRET_ACCESS_KEY") as refused:
        make_plan(spec)
    assert "hidden" not in str(refused.value)


def test_a_relative_path_means_another_folder_on_each_node_and_is_refused() -> None:
    with pytest.raises(SettingsError, match="storage is sweeps; it must be an absolute path or a URI, such as"):
        check_uri("storage", "sweeps")


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("s4://bucket/folder", "Unrecognized filesystem type"),
        ("s3://bucket/folder?endpont_override=x", "Unexpected query parameter in S3 URI: 'endpont_override'"),
        ("/dev/null/folder", "Not a directory|cannot be used"),
    ],
)
def test_what_is_no_storage_is_named_in_one_sentence(uri: str, why: str) -> None:
    with pytest.raises(SettingsError, match=rf"^storage is {uri.replace('?', '[?]')}; .*({why})") as refused:
        check_storage("storage", uri)
    assert "\n" not in str(refused.value)


class FailingAction:
    """Fails `times` times, then returns "done"."""

    def __init__(self, times: int, error: OSError | None = None) -> None:
        self.remaining = times
        self.attempts = 0
        self.error = error or OSError("AWS Error NETWORK_CONNECTION\nmore")

    def __call__(self) -> str:
        self.attempts += 1
        self.remaining -= 1
        if self.remaining >= 0:
            raise self.error
        return "done"


class RecordingEvent(threading.Event):
    """Records the pauses and does not wait; is set after `set_after` of them."""

    def __init__(self, set_after: int | None = None) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self.set_after = set_after

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0.0)
        if len(self.pauses) == self.set_after:
            self.set()
        return self.is_set()


def test_a_storage_that_does_not_answer_is_waited_for_and_reported_once() -> None:
    messages: list[str] = []
    cancelled = RecordingEvent()
    assert retry_until_available(FailingAction(7), messages.append, cancelled) == "done"
    assert cancelled.pauses == [1, 2, 4, 8, 15, 15, 15]
    assert len(messages) == 2
    assert "does not answer; nothing is lost" in messages[0]
    assert "(AWS Error NETWORK_CONNECTION)" in messages[0]
    assert "answers again" in messages[1]


def test_a_storage_that_answers_is_not_reported() -> None:
    messages: list[str] = []
    cancelled = RecordingEvent()
    assert retry_until_available(FailingAction(0), messages.append, cancelled) == "done"
    assert (messages, cancelled.pauses) == ([], [])


def test_a_full_disk_is_not_waited_for() -> None:
    cancelled = RecordingEvent()
    with pytest.raises(OSError, match="full"):
        retry_until_available(FailingAction(1, OSError(errno.ENOSPC, "full")), print, cancelled)
    assert cancelled.pauses == []


def test_a_cancelled_retry_tries_a_last_time_and_ends() -> None:
    action, cancelled = FailingAction(99), RecordingEvent(set_after=2)
    with pytest.raises(OSError, match="NETWORK_CONNECTION"):
        retry_until_available(action, print, cancelled)
    assert len(cancelled.pauses) == 2
    assert action.attempts == 3


# --- an S3 server that is slow, or stands still ----------------------------------------------------------------------


@pytest.fixture
def s3_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_of_a_server_that_accepts_and_never_answers_the_user_hears_after_few_attempts(
    s3_user: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "REQUEST_SECONDS", 1)
    monkeypatch.setattr(object_store, "ATTEMPTS", 1)
    silent = SlowProxy()
    try:
        with pytest.raises(OSError, match="Timeout was reached"):
            Storage(f"s3://bucket/sweeps?endpoint_override=http%3A%2F%2F127.0.0.1%3A{silent.port}").is_file()
        assert silent.accepted == 1
    finally:
        silent.close()


def test_what_the_uri_of_an_s3_server_says_is_kept_beside_the_timeouts(s3_user: None) -> None:
    uri = "s3://bucket/sweeps?endpoint_override=http%3A%2F%2F127.0.0.1%3A1&region=here&scheme=http"

    def options(files: fs.S3FileSystem) -> dict[str, object]:
        return dict(files.__reduce__()[1][0])

    ours, theirs = options(Storage(uri)._files), options(fs.FileSystem.from_uri(uri)[0])
    assert {name for name in ours if ours[name] != theirs[name]} == {
        "connect_timeout",
        "request_timeout",
        "allow_delayed_open",
    }
    assert ours["region"] == "here"


def test_a_storage_that_must_not_check_certificates_keeps_that_and_arrows_timeouts(s3_user: None) -> None:
    uri = "s3://bucket/sweeps?endpoint_override=https%3A%2F%2F127.0.0.1%3A1&tls_verify_certificates=false"
    with_our_option = fs.FileSystem.from_uri(f"{uri}&allow_delayed_open=true")[0]
    assert Storage(uri)._files.equals(with_our_option)
