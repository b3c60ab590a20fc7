"""Files that are broken or made to harm: a sentence within seconds, and any file that was cut or mixed says so.

The kinds are those that others met: pipes among the files (vitalif/grive2#136, openfga/cli#739, which has the device
too), zero bytes after a crash (simonw/sqlite-utils#804), and YAML that expands without end (yaml/pyyaml#235).
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.replay.recording import Recording
from search.replay.sources import READERS, read
from tests.search.replay.test_trainer_files import V8, save, v7, v8, values
from tests.search.replay.test_yolox_logs import AP, start, step
from tests.support.mutations import broken_bytes
from trainables.errors import DataError
from trainables.logs.text_file import printable

MIB = 1 << 20
SECONDS = 20
"""For the largest file that is read, on a machine that has other work too."""
MEMORY = 500 * MIB


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(12 << 30)


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (os.mkfifo, "is no regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
    "a dangling link": (lambda path: path.symlink_to("nothing"), "cannot be read"),
    "a link to itself": (lambda path: path.symlink_to(path), "cannot be read"),
    "12 GiB of nothing": (sparse, "12,288.0 MiB; at most 32 MiB"),
    "line ends": (lambda path: path.write_bytes(b"\n" * (32 * MIB)), "lines"),
    "commas": (lambda path: path.write_bytes(b"," * (32 * MIB)), "c/"),
    "names": (lambda path: path.write_bytes(b"a," * (16 * MIB)), "c/"),
    "quotes": (lambda path: path.write_bytes(b'"' * (32 * MIB)), "c/"),
    "rows of results.txt": (lambda path: path.write_bytes((b"0/9 1G" + b" 1" * 13 + b"\n") * 990_000), "c/"),
    "rows of results.csv": (
        lambda path: path.write_bytes(b"epoch,metrics/mAP50-95(B)\n" + b"12,0.345\n" * 990_000),
        "c/",
    ),
    "progress": (lambda path: path.write_bytes(b"epoch: 1/1, iter: 1/1 " * MIB), "c/"),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_costs_its_run_and_no_time(kind: str, name: str, tmp_path: Path) -> None:
    make, words = HOSTILE[kind]
    for good in ("a", "b"):
        save(tmp_path, good, f"{V8}\n" + v8([0.1, 0.2, 0.3]))
    (tmp_path / "c").mkdir()
    make(tmp_path / "c" / name)
    sentences: list[str] = []
    began = time.monotonic()
    (recording,) = read(tmp_path, remark=sentences.append)
    assert time.monotonic() - began < SECONDS
    assert sorted(values(recording)) == ["a", "b"]
    (sentence,) = sentences
    assert f"c/{name}" in sentence
    assert words in sentence
    assert len(sentence) < 500 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("results.csv", "commas"),
        ("results.csv", "names"),
        ("results.csv", "rows of results.csv"),
        ("results.txt", "rows of results.txt"),
        ("train_log.txt", "progress"),
    ],
)
def test_a_hostile_file_takes_little_memory(name: str, kind: str, tmp_path: Path) -> None:
    for run in ("a", "b", "c"):
        (tmp_path / run).mkdir()
    HOSTILE[kind][0](tmp_path / "c" / name)
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            read(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("path", ["x" * 5000 + ".csv", "\0.csv", "\x1b[2J", "\udcff.csv"])
def test_a_path_that_the_system_refuses_is_a_sentence(path: str) -> None:
    with pytest.raises(DataError, match="give one of them") as error:
        read(Path(path), "map")
    assert "\x1b" not in str(error.value)


def test_linked_folders_are_read_once_and_hidden_ones_not(tmp_path: Path) -> None:
    for name in ("a", "b", ".snapshot/c"):
        save(tmp_path, name, f"{V8}\n" + v8([0.1, 0.2, 0.3]))
    (tmp_path / "again").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (recording,) = read(tmp_path)
    assert len(recording.runs) == 2


# --- any bytes ---------------------------------------------------------------------------------------------------

fuzzed = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXTS = {
    "results.csv": f"{V8}\n" + v8([0.11, 0.22, 0.33, 0.44]),
    "results.txt": "".join(v7(epoch, 0.9, 0.11 * (epoch + 1), 4) for epoch in range(4)),
    "train_log.txt": "".join(
        start(epoch) + step(epoch, 10, 4.5, 4) + AP.format(0.11 * epoch) for epoch in (1, 2, 3, 4)
    ),
}
PIECES = [b"\0", b"\n", b"\r", b",", b";", b"\t", b'"', b"nan", b"-inf", b"1e999", b"1_0", b"0,5", b"\xff\xfe", b"\xe9"]
PIECES += [b"epoch", b"1/3", b"= -1.000", b"9" * 5000, b"\x85", b"\xe2\x80\xa8", b" ", b"-", b"."]


def read_in_folder(name: str, data: bytes) -> tuple[list[Recording], list[str]]:
    """What is read of two equal trainings with the file `data`."""
    sentences: list[str] = []
    with TemporaryDirectory() as folder:
        for run in ("a", "b"):
            save(Path(folder), run, data, name, arguments="epochs: 4\n")
        try:
            return read(Path(folder), remark=sentences.append), sentences
        except DataError as error:
            return [], [*sentences, str(error)]


@pytest.mark.parametrize("name", READERS)
@fuzzed
@given(data=st.data())
def test_any_bytes_are_read_or_left_out_in_a_sentence(name: str, data: st.DataObject) -> None:
    text = TEXTS[name].encode()
    for _ in range(data.draw(st.integers(1, 4))):
        at, until = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        piece = data.draw(st.sampled_from(PIECES) | st.binary(max_size=20))
        text = text[:at] + piece + text[data.draw(st.sampled_from([at, until])) :]
    recordings, sentences = read_in_folder(name, text)
    assert recordings or sentences
    assert all("\n" not in sentence for sentence in sentences)
    for recording in recordings:
        for run in recording.runs:
            assert [point.epoch for point in run.curve.points] == list(range(1, run.curve.epoch + 1))
            assert len(run.seconds) == run.curve.epoch


@pytest.mark.parametrize("name", READERS)
@fuzzed
@given(data=st.data())
def test_a_file_that_was_cut_has_the_first_of_its_epochs(name: str, data: st.DataObject) -> None:
    text = TEXTS[name].encode()
    recordings, sentences = read_in_folder(name, text[: data.draw(st.integers(0, len(text)))])
    assert recordings or sentences
    for recording in recordings:
        for read_values in values(recording).values():
            last_evaluated = [value for value in read_values if value is not None]
            whole = [pytest.approx(0.11 * epoch) for epoch in range(1, 5)]
            assert last_evaluated == whole[: len(last_evaluated)]
            assert None not in read_values[:-1], "only the last epoch may not have been evaluated yet"


ARGUMENTS = b"task: detect\ndata: cows.yaml\nepochs: 4\nlr0: 0.01\nname: &a 'x'\nclasses: null\nimgsz: [640, 640]\n"


@fuzzed
@given(arguments=broken_bytes(ARGUMENTS))
def test_any_arguments_are_what_yaml_says_or_their_training_is_left_out(arguments: bytes) -> None:
    sentences: list[str] = []
    with TemporaryDirectory() as folder:
        for run in ("a", "b"):
            save(Path(folder), run, TEXTS["results.csv"], arguments="")
            (Path(folder) / run / "args.yaml").write_bytes(arguments)
        try:
            recordings = read(Path(folder), remark=sentences.append)
        except DataError:
            recordings = []
    if not recordings:
        assert [sentence.count("\n") for sentence in sentences] == [0, 0]
        return
    (recording,) = recordings
    assert list(values(recording).values()) == [[0.11, 0.22, 0.33, 0.44]] * 2
    try:
        stated = yaml.safe_load(arguments.decode())
    except (yaml.YAMLError, ValueError, TypeError):  # a value that PyYAML cannot make, or Windows' bytes
        return
    assert recording.name.endswith(f"({stated.get('epochs') or 4} epochs)")
    if isinstance(stated.get("data"), str):
        assert recording.name.startswith(printable(stated["data"]))


HEADERS = ["epoch", "time", "train/box_loss", "metrics/mAP50-95(B)", "val/box_loss"]


@fuzzed
@given(
    rows=st.lists(st.tuples(*[st.sampled_from(["0.5", "1e-2", "nan", "", "inf", "high", "2.5e+00"])] * 3), max_size=6),
    order=st.permutations(range(1, 5)),
    padding=st.integers(0, 24),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_results_csv_is_what_its_cells_say_or_is_left_out(
    rows: list[tuple[str, str, str]], order: list[int], padding: int, end: str
) -> None:
    columns = [0, *order]
    lines = [HEADERS, *([str(epoch), "9", *cells] for epoch, cells in enumerate(rows, start=1))]
    text = "".join(",".join(line[index].rjust(padding) for index in columns) + end for line in lines)
    recordings, sentences = read_in_folder("results.csv", text.encode())
    if not recordings:
        assert sentences
        return
    for run in recordings[0].runs:
        for point, (loss, value, held_out) in zip(run.curve.points, rows, strict=True):
            read_back = (point.loss, point.value, point.held_out)
            assert [repr(number) for number in read_back] == [
                repr(float(cell)) if cell else "None" for cell in (loss, value, held_out)
            ]


CELLS = st.sampled_from(["0.5", "1", "-2e-3", "nan", "inf", "", "None", "high", "1_0", "0,5", "1e", "٣", "0x1"])


@fuzzed
@given(
    rows=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5).map(str) | st.just("x"), CELLS), max_size=20),
    delimiter=st.sampled_from([",", ";", "\t"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_a_run_of_a_table_is_what_its_rows_say_or_is_named(
    rows: list[tuple[str, str, str]], delimiter: str, encoding: str, end: str
) -> None:
    lines = [("run", "epoch", "map"), *rows]
    text = "".join(delimiter.join(line) + end for line in lines)
    sentences: list[str] = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "runs.csv"
        path.write_bytes(text.encode(encoding))
        try:
            recordings = read(path, "map", remark=sentences.append)
        except DataError:
            return
    (recording,) = recordings
    by_run = {run.name: run.curve.points for run in recording.runs}
    for name in {row[0] for row in rows}:
        if name not in by_run:
            assert any(f"run {name}," in sentence for sentence in sentences)
            continue
        cells = {int(epoch): cell for run, epoch, cell in rows if run == name}
        assert len(cells) == sum(run == name for run, _, _ in rows), "no epoch twice"
        first = min(cells)
        expected = {epoch: cells[epoch].replace(",", ".") for epoch in cells}
        shift = by_run[name][-1].epoch - max(cells)
        assert shift in (0, 1)
        assert first >= 1 - shift
        for point in by_run[name]:
            cell = expected.get(point.epoch - shift, "")
            number = None if cell in ("", "None") else float(cell)
            assert str(point.value) == str(number)
