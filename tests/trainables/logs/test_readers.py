"""Logs that grow, as scripts write them, and what is read from them."""

from __future__ import annotations

import json
import math
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from trainables.errors import DataError, SettingsError
from trainables.logs.epochs import EpochRows, LogRow
from trainables.logs.readers import Reader, completed, reader
from trainables.logs.tail import Tail
from trainables.objective import Objective, Source


def objective(metric: str = "accuracy", losses: tuple[str, ...] = (), **source: Any) -> Objective:
    return Objective(name=metric, mode="max", losses=list(losses), source=Source(**source))


def reading(path: Path, metric: str = "accuracy", losses: tuple[str, ...] = (), **source: Any) -> Reader:
    """A reader of the file or folder at `path`."""
    return reader(completed(objective(metric, losses, **source)), path, path, 0)


def rows(log: Reader, final: bool = False) -> list[tuple[float | None, dict[str, float]]]:
    return [(row.epoch, dict(row.values)) for row in log.read(final)]


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


# --- lines ---------------------------------------------------------------------------------------------------------


def test_a_line_is_read_once_and_when_its_end_is_there(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(path)
    assert tail.read().lines == []
    append(path, "one\ntw")
    assert tail.read().lines == ["one"]
    append(path, "o\r\nthree\r")
    assert tail.read().lines == ["two", "three"]
    append(path, "four")
    assert tail.read().lines == []
    assert tail.read(final=True).lines == ["four"]
    assert tail.read(final=True).lines == []


@pytest.mark.parametrize("replace", [True, False])
def test_a_file_that_is_replaced_is_read_again(tmp_path: Path, replace: bool) -> None:
    path = tmp_path / "log"
    append(path, "one\ntwo\n")
    tail = Tail(path)
    tail.read()
    if replace:
        path.rename(tmp_path / "old")
    path.write_text("three\n")
    new = tail.read()
    assert (new.lines, new.restarted) == (["three"], True)


def test_a_table_that_is_written_anew_with_the_same_beginning_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\n")
    tail = Tail(path)
    tail.read()
    path.write_text("one\ntwo\n")
    assert tail.read().lines == ["two"]
    path.write_text("ONE\nTWO\nthree\n")
    assert tail.read().lines == ["ONE", "TWO", "three"]


def test_a_line_without_an_end_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("x" * (1 << 21))
    with pytest.raises(DataError, match=r"a line has more than 1,048,576 bytes and no end"):
        Tail(path).read()


# --- tables --------------------------------------------------------------------------------------------------------


def test_a_table_is_read_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    log = reading(path, csv="results.csv")
    append(path, "epoch; accuracy ; note\n1;0,5;fine\n2;nan;\n3;")
    assert rows(log)[0] == (1, {"accuracy": 0.5})
    append(path, "-inf;\n\nepoch;accuracy;note\n4;;late\n")
    assert rows(log) == [(3, {"accuracy": -math.inf}), (4, {})]


def test_a_number_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    append(path, "epoch,accuracy\n1,0.5%\n")
    with pytest.raises(DataError, match=r"results.csv: row 1: accuracy is '0.5%'; it must be a number or empty"):
        reading(path, csv="x").read(False)


def test_a_header_that_changes_begins_the_table_again(tmp_path: Path) -> None:
    """As Lightning's logger does when a new name is logged."""
    path = tmp_path / "metrics.csv"
    log = reading(path, lightning="x")
    append(path, "epoch,step,train_loss\n0,9,2.5\n")
    assert rows(log) == [(0, {"step": 9, "train_loss": 2.5})]
    path.write_text("accuracy,epoch,step,train_loss\n,0,9,2.5\n0.25,0,9,\n")
    assert rows(log) == [(0, {"step": 9, "train_loss": 2.5}), (0, {"accuracy": 0.25, "step": 9})]


def test_a_row_of_rates_without_an_epoch_is_of_the_next_one(tmp_path: Path) -> None:
    """As Lightning's LearningRateMonitor logs them."""
    path = tmp_path / "metrics.csv"
    log = reading(path, losses=("train_loss",), lightning="x")
    append(path, "accuracy,epoch,lr-SGD,step,train_loss\n,,0.1,0,\n,0,,9,2.5\n0.25,0,,9,\n,,0.05,10,\n")
    assert rows(log) == [(0, {"lr-SGD": 0.1, "step": 9, "train_loss": 2.5}), (0, {"accuracy": 0.25, "step": 9})]
    append(path, "0.5,1,,19,\n")
    assert rows(log) == [(1, {"accuracy": 0.5, "lr-SGD": 0.05, "step": 19})]
    append(path, "0.75,,,29,\n")
    with pytest.raises(DataError, match=r"metrics.csv: row 6: epoch is ''; it must be a number"):
        log.read(False)


def test_ultralytics_losses_and_rates_are_known() -> None:
    filled = completed(objective("metrics/mAP50-95(B)", ultralytics="results.csv"))
    assert (filled.losses, filled.held_out_losses, filled.rates) == (["train/*"], ["val/*"], ["lr/*"])


# --- other lines ---------------------------------------------------------------------------------------------------


def test_json_lines_are_read_with_their_inner_objects(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = reading(path, "val.acc", jsonl="x", epoch="n")
    append(path, 'starting\n{"n": 1, "val": {"acc": "0.5"}, "ok": true}\n{"n": 2, "val": {"acc": NaN}}\n{"lr": 1}\n')
    first, second = rows(log)
    assert first == (1, {"val.acc": 0.5})
    assert math.isnan(second[1]["val.acc"])
    append(path, '{"n": 3,\n')
    with pytest.raises(DataError, match=r"log.jsonl line 5: not valid JSON"):
        rows(log)


def test_an_output_is_read_by_regular_expressions(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    patterns = [r"Epoch: \[(?P<epoch>\d+)\] Total", r"Acc@1 (?P<accuracy>\S+)", r"loss (?P<loss>\S+)"]
    log = reading(path, stdout=patterns)
    append(path, "Acc@1 0.1 before any epoch\nEpoch: [0] Total time\r 50% |##\rTest: Acc@1 71.5, Acc@5 90\nloss nan.\n")
    first, second, third = rows(log)
    assert (first, second) == ((0, {}), (0, {"accuracy": 71.5}))
    assert math.isnan(third[1]["loss"])


def test_an_output_in_colours_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    log = reading(path, stdout=[r"epoch (?P<epoch>\d+)/\d+ acc=(?P<accuracy>\S+)"])
    append(path, "\x1b[1;32mepoch\x1b[0m 3/9 \x1b[Kacc=\x1b[36m0.75\x1b[0m\n")
    assert rows(log) == [(3, {"accuracy": 0.75})]


@pytest.mark.parametrize(
    ("pattern", "complaint"), [("(", "is no regular expression"), ("acc .*", "names no group; write")]
)
def test_a_wrong_expression_is_named(tmp_path: Path, pattern: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        reading(tmp_path, stdout=pattern)


YOLOX = """\
2026-01-01 | INFO | ---> start train epoch{epoch}
2026-01-01 | INFO | epoch: {epoch}/3, iter: 10/20, gpu mem: 1Mb, total_loss: 4.0, iou_loss: 2.0, lr: 1.0e-03
2026-01-01 | INFO | epoch: {epoch}/3, iter: 20/20, gpu mem: 1Mb, total_loss: 2.0, iou_loss: 1.0, lr: 1.0e-03
"""
AP = " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.{epoch}50\n"


def test_a_log_of_yolox_is_read_as_replay_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "train_log.txt"
    declared = completed(objective("map50_95", yolox="x"))
    log = reader(declared, path, path, 0)
    assert declared.source is not None
    epochs = EpochRows(declared.parts, declared.losses, declared.source)
    ready = []
    for epoch in (1, 2):
        append(path, YOLOX.format(epoch=epoch))
        epochs.add(log.read(False))
        append(path, AP.format(epoch=epoch))
        epochs.add(log.read(False))
        ready.append([(row.epoch, row.values) for row in epochs.ready()])
    assert ready == [[], [(1, {"map50_95": 0.15, "total_loss": 3.0})]]


# --- what libraries keep -------------------------------------------------------------------------------------------


def test_hugging_faces_state_is_read_from_the_newest_checkpoint(tmp_path: Path) -> None:
    log = reading(tmp_path, "eval_accuracy", trainer_state="x")
    history = [{"epoch": 1.0, "loss": 2.0, "step": 8}, {"epoch": 1.0, "eval_accuracy": 0.25, "step": 8}]
    for number, entries in ((8, history), (16, [*history, {"epoch": 2.0, "eval_accuracy": 0.5}])):
        (tmp_path / f"checkpoint-{number}").mkdir()
        (tmp_path / f"checkpoint-{number}/trainer_state.json").write_text(json.dumps({"log_history": entries}))
        assert len(rows(log)) == len(entries)
    assert rows(log) == []
    (tmp_path / "checkpoint-24").mkdir()
    (tmp_path / "checkpoint-24/trainer_state.json").write_text('{"log_history": [{"epo')
    assert rows(log) == []
    for copy in ("checkpoint-best", "checkpoint-32-merged"):  # as scripts make them
        (tmp_path / copy).mkdir()
        (tmp_path / copy / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    assert rows(log) == []


def test_hugging_faces_evaluation_before_the_first_epoch_shifts_no_epoch() -> None:
    """`eval_on_start`: its row is of epoch 0, and the trainer's epochs are always how many were trained."""
    wanted = completed(objective("eval_accuracy", trainer_state="x"))
    assert wanted.source is not None
    assert completed(objective(trainer_state="x", first=0, rows="epoch")).source == Source(
        trainer_state="x", first=0, rows="epoch"
    )
    epochs = EpochRows(wanted.parts, wanted.losses, wanted.source)
    epochs.add(LogRow(epoch, {"eval_accuracy": epoch / 10}) for epoch in (0.0, 1.0, 2.0))
    epochs.finish()
    assert [(each.epoch, each.values) for each in epochs.ready()] == [
        (1, {"eval_accuracy": 0.1}),
        (2, {"eval_accuracy": 0.2}),
    ]


def test_tensorboards_events_are_read_as_they_are_flushed(tmp_path: Path) -> None:
    writers = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    events = pytest.importorskip("tensorboard.compat.proto.event_pb2")
    summaries = pytest.importorskip("tensorboard.compat.proto.summary_pb2")
    log = reading(tmp_path, tensorboard="x")
    writer = writers.EventFileWriter(str(tmp_path / "run"))
    for step in range(2):
        value = summaries.Summary.Value(tag="accuracy", simple_value=0.25 * step)
        writer.add_event(events.Event(step=step, summary=summaries.Summary(value=[value])))
        writer.flush()
        assert rows(log) == [(step, {"accuracy": 0.25 * step})]
    writer.close()
    assert rows(reading(tmp_path, tensorboard="x")) == [(0, {"accuracy": 0.0}), (1, {"accuracy": 0.25})]


def test_mlflows_store_is_read_row_by_row(tmp_path: Path) -> None:
    log = reading(tmp_path, mlflow="run")
    assert rows(log) == []
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        columns = "key text, value real, timestamp int, run_uuid text, step int, is_nan int"
        database.execute(f"create table metrics ({columns})")
        database.execute("insert into metrics values ('accuracy', 0.5, 1, 'r', 1, 0)")
    assert rows(log) == [(1, {"accuracy": 0.5})]
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("insert into metrics values ('accuracy', 0, 2, 'r', 2, 1)")
        database.execute(f"insert into metrics values ('loss', {sys.float_info.max}, 3, 'r', 2, 0)")
        database.execute(f"insert into metrics values ('gain', -{sys.float_info.max}, 4, 'r', 2, 0)")
    (_, accuracy), (_, loss), (_, gain) = rows(log)
    assert math.isnan(accuracy["accuracy"])
    assert (loss, gain) == ({"loss": math.inf}, {"gain": -math.inf}), "MLflow stores infinity as the largest number"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    assert reading(tmp_path / "a.csv", csv="x").state() == f"{tmp_path / 'a.csv'} was not written"
    path = tmp_path / "log.jsonl"
    append(path, '{"epoch": 1, "acc": 2}\n')
    log = reading(path, jsonl="x")
    log.read(False)
    assert log.state() == f"{path} has the keys acc, epoch"
