"""Recordings as other people's trainings and spreadsheets leave them: never a wrong number, never a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.replay.recording import Recording
from search.replay.sources import read
from trainables.errors import DataError

HEADER = "run,epoch,map\n"
ROWS = ["a,1,0.1", "a,2,0.3", "b,1,0.2", "b,2,0.4"]


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "runs.csv"
    path.write_text(text, encoding=encoding)
    return path


def values(recording: Recording) -> dict[str, list[float | None]]:
    return {run.name: [point.value for point in run.curve.points] for run in recording.runs}


@pytest.mark.parametrize("rows", [ROWS, ROWS[::-1], [ROWS[1], ROWS[3], ROWS[0], ROWS[2]]])
def test_the_epoch_column_counts_not_the_order_of_rows(rows: list[str], tmp_path: Path) -> None:
    (recording,) = read(table(tmp_path, HEADER + "\n".join(rows) + "\n"), "map")
    assert values(recording) == {"a": [0.1, 0.3], "b": [0.2, 0.4]}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_other_encodings_are_read_and_told(encoding: str, tmp_path: Path) -> None:
    notes: list[str] = []
    text = HEADER + "\n".join(ROWS).replace("a,", "é,") + "\n"
    (recording,) = read(table(tmp_path, text, encoding), "map", remark=notes.append)
    assert values(recording) == {"é": [0.1, 0.3], "b": [0.2, 0.4]}
    assert bool(notes) == (encoding != "utf-8-sig")


def test_a_run_with_an_epoch_given_twice_is_left_out_and_named(tmp_path: Path) -> None:
    notes: list[str] = []
    text = HEADER + "\n".join([*ROWS, "c,1,0.5", "c,1,0.6"]) + "\n"
    (recording,) = read(table(tmp_path, text), "map", remark=notes.append)
    assert sorted(values(recording)) == ["a", "b"]
    assert any("runs.csv" in sentence and "epoch 1 is given again" in sentence for sentence in notes)


def ultralytics(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "results.csv").write_text(text)
    (folder / name / "args.yaml").write_text("data: d.yaml\nepochs: 2\n")


def results(*metric: float) -> str:
    rows = [f"{epoch},1.5,{value},2.0" for epoch, value in enumerate(metric, start=1)]
    return "epoch,train/box_loss,metrics/mAP50-95(B),val/box_loss\n" + "\n".join(rows) + "\n"


def test_one_empty_training_does_not_refuse_its_folder(tmp_path: Path) -> None:
    notes: list[str] = []
    for name, text in (("a", results(0.1, 0.2)), ("b", results(0.3, 0.4)), ("c", "")):
        ultralytics(tmp_path, name, text)
    (recording,) = read(tmp_path, remark=notes.append)
    assert len(recording.runs) == 2
    assert any("results.csv: is empty" in sentence for sentence in notes)


def test_two_trainings_in_one_file_are_two(tmp_path: Path) -> None:
    notes: list[str] = []
    appended = results(0.1, 0.2) + results(0.3, 0.4).split("\n", 1)[1]
    for name, text in (("a", results(0.5, 0.6)), ("b", appended)):
        ultralytics(tmp_path, name, text)
    (recording,) = read(tmp_path, remark=notes.append)
    assert sorted(values(recording).values(), key=str) == [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
    assert any("begins again at epoch 1" in sentence for sentence in notes)


def test_what_is_no_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "runs.csv")
    with pytest.raises(DataError, match=r"runs\.csv"):
        read(tmp_path / "runs.csv", "map")
