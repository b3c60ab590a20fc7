"""Files of trainers by their families: which column is compared, which rows make one training.

The layouts, not their words or numbers, follow what others reported or publish:

    restarts        ultralytics/ultralytics#22364 (appended without a header), THU-MIG/yolov10#332 (rows written
                    twice, `inf` in a loss), roboflow/rf-detr#1321 (a resumed training begins its file anew),
                    ultralytics/yolov5#785 (resumed with more epochs planned)
    columns         ultralytics/ultralytics#20177 (padded and bare headers, masks), ultralytics/yolov5#7538,
                    THU-MIG/yolov10#465 (`_om`, `_oo`), ultralytics/yolov5 utils/loggers and classify/train.py
    results.txt     WongKinYiu/yolov7#592 and #1255, WongKinYiu/ScaledYOLOv4#313, ultralytics/yolov3#1299 (F1),
                    WongKinYiu/yolov7 train.py
    arguments       ultralytics/yolov5#1669 and #5066 (other encodings), WongKinYiu/yolov7 train.py (opt.yaml)
    zero bytes      petterreinholdtsen/battery-status#15, pbek/loganalyzer#5, simonw/sqlite-utils#804
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from search.replay.recording import Recording
from search.replay.sources import read
from trainables.errors import DataError

V8 = "epoch,time,train/box_loss,metrics/mAP50(B),metrics/mAP50-95(B),val/box_loss,lr/pg0"


def save(root: Path, run: str, text: str | bytes, name: str = "results.csv", arguments: str = "epochs: 3\n") -> None:
    folder = root / run
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    if arguments:
        (folder / "args.yaml").write_text(f"data: d.yaml\n{arguments}")


def v8(values: Sequence[float], first: int = 1) -> str:
    return "".join(
        f"{epoch},9,1.5,{value + 0.1:.3f},{value},2.5,0.01\n" for epoch, value in enumerate(values, start=first)
    )


def values(recording: Recording) -> dict[str, list[float | None]]:
    return {run.name: [point.value for point in run.curve.points] for run in recording.runs}


def read_beside_good(root: Path, text: str | bytes, arguments: str = "epochs: 3\n") -> tuple[Recording, list[str]]:
    """The recording of two good trainings and of `text`, and what was said."""
    for name in ("a", "b"):
        save(root, name, f"{V8}\n" + v8([0.1, 0.2, 0.3]))
    save(root, "c", text, arguments=arguments)
    sentences: list[str] = []
    (recording,) = read(root, remark=sentences.append)
    return recording, sentences


# --- which column ------------------------------------------------------------------------------------------------

LAYOUTS = {
    "v8 detect": ("metrics/mAP50(B),metrics/mAP50-95(B)", "metrics/mAP50-95(B)"),
    "v8 segment": ("metrics/mAP50-95(B),metrics/mAP50(M),metrics/mAP50-95(M)", "metrics/mAP50-95(M)"),
    "v8 pose": ("metrics/mAP50-95(B),metrics/mAP50(P),metrics/mAP50-95(P)", "metrics/mAP50-95(P)"),
    "v8 classify": ("metrics/accuracy_top5,metrics/accuracy_top1", "metrics/accuracy_top1"),
    "v5 and v9": ("metrics/mAP_0.5,metrics/mAP_0.5:0.95", "metrics/mAP_0.5:0.95"),
    "v5 segment": ("metrics/mAP_0.5:0.95(B),metrics/mAP_0.5:0.95(M)", "metrics/mAP_0.5:0.95(M)"),
}


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_objective_is_that_of_the_trainings_own_task(layout: str, padded: bool, tmp_path: Path) -> None:
    columns, metric = LAYOUTS[layout]
    header = ["epoch", "train/loss", *columns.split(","), "x/lr0"]
    rows = [[str(e), "1.5", *(f"0.{e}{i}" for i in range(len(header) - 3)), "0.01"] for e in (0, 1, 2)]
    width = 24 if padded else 0
    text = "".join(",".join(cell.rjust(width) for cell in row) + "\n" for row in (header, *rows))
    for name in ("a", "b"):
        save(tmp_path, name, text)
    (recording,) = read(tmp_path)
    index = header.index(metric) - 2
    assert (recording.metric, recording.max_epochs) == (metric, 3)
    assert values(recording)["a"] == [float(f"0.{e}{index}") for e in (0, 1, 2)], "counted from 0"


def test_a_loss_is_the_sum_of_all_its_parts_or_unknown(tmp_path: Path) -> None:
    header = "epoch,train/box_om,train/cls_om,train/box_oo,metrics/mAP50-95(B),val/box_om,val/cls_om\n"
    for name in ("a", "b"):
        save(tmp_path, name, header + "1,1,2,4,0.1,1,1\n2,1,,4,0.2,1,inf\n3,1,nan,4,0.3,0,0\n")
    (recording,) = read(tmp_path)
    losses = [(point.loss, point.held_out) for point in recording.runs[0].curve.points]
    assert str(losses) == "[(7.0, 2.0), (None, inf), (nan, None)]"
    assert values(recording)["a"] == [0.1, 0.2, 0.3], "zeros for losses alone are no missing validation"


def test_runs_with_different_metrics_are_not_compared(tmp_path: Path) -> None:
    for name, letter in (("a", "B"), ("b", "B"), ("c", "M"), ("d", "M")):
        save(tmp_path, name, f"epoch,metrics/mAP50-95({letter})\n1,0.1\n2,0.2\n")
    assert sorted(recording.metric for recording in read(tmp_path)) == ["metrics/mAP50-95(B)", "metrics/mAP50-95(M)"]


# --- which rows --------------------------------------------------------------------------------------------------


def test_rows_out_of_order_are_one_training(tmp_path: Path) -> None:
    rows = v8([0.1, 0.2, 0.3]).splitlines(keepends=True)
    recording, sentences = read_beside_good(tmp_path, f"{V8}\n" + "".join(reversed(rows)))
    assert values(recording)["c"] == [0.1, 0.2, 0.3]
    assert sentences == []


def test_a_resumed_training_replaces_what_it_repeats(tmp_path: Path) -> None:
    text = f"{V8}\n" + v8([0.1, 0.2, 0.3, 0.4, 0.5]) + v8([0.6, 0.7], first=5)
    for name in ("a", "b"):
        save(tmp_path, name, text, arguments="epochs: 6\n")
    sentences: list[str] = []
    (recording,) = read(tmp_path, remark=sentences.append)
    assert values(recording)["a"] == [0.1, 0.2, 0.3, 0.4, 0.6, 0.7]
    assert all("row 6 gives epoch 5 again: the training was resumed there" in sentence for sentence in sentences)


def test_rows_written_twice_word_for_word_are_one_training(tmp_path: Path) -> None:
    rows = v8([0.4, 0.5, 0.6])
    recording, (sentence,) = read_beside_good(tmp_path, f"{V8}\n{rows}{rows}")
    assert values(recording)["c"] == [0.4, 0.5, 0.6]
    assert "c/results.csv: 3 rows repeat an earlier one" in sentence


LEFT_OUT = {
    "an attempt that was given up": ([*v8([0.7]).splitlines(), *v8([0.4, 0.5, 0.6]).splitlines()], "", "of 3"),
    "two at a time": (
        [
            v8([value], first=epoch)[:-1]
            for epoch, value in ((1, 0.1), (1, 0.2), (2, 0.3), (2, 0.4), (3, 0.5), (3, 0.6))
        ],
        "c",
        "two trainings wrote to it at a time",
    ),
    "twice and in no order": (
        [v8([value], first=epoch)[:-1] for epoch, value in ((3, 0.1), (1, 0.2), (3, 0.3), (2, 0.4))],
        "c",
        "it is not known which of them make one training",
    ),
    "the beginning is elsewhere": (v8([0.1], first=3).splitlines(), "c", "begins at epoch 3"),
    "more than planned": (v8([0.1] * 4).splitlines(), "c", "is epoch 4 of 3 that were planned"),
    "a row of other columns": ([*v8([0.1, 0.2]).splitlines(), "3,9,1", *v8([0.4], 3).splitlines()], "c", "has 3 cells"),
    "a word": (["1,9,1.5,high,high,2,0"], "c", "'high'; it must be a number or empty"),
    "an underscore": (["1,9,1.5,0,1_0,2,0"], "c", "'1_0'; it must be a number"),
    "half an epoch": (["1.5,9,1.5,0,0.1,2,0"], "c", "epoch is '1.5'; it must be a whole number"),
    "a long number": ([f"1,9,1.5,0,{'9' * 5000},2,0"], "c", "it must be a number or empty"),
    "never evaluated": (["1,9,1.5,0,0,0,0", "2,9,1.5,0,0,0,0"], "c", "no epoch has a value of the metric"),
    "nothing but zero bytes": (["\0" * 40], "c", "has no epoch"),
    "zero bytes within": (["1,9,1.5,0,0.\x00\x002,9,1.5,0,0.1,2,0", *v8([0.1], 2).splitlines()], "c", "zero bytes"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_a_training_that_cannot_be_told_is_left_out_by_name(case: str, tmp_path: Path) -> None:
    rows, left_out, words = LEFT_OUT[case]
    recording, sentences = read_beside_good(tmp_path, "\n".join([V8, *rows]) + "\n")
    assert {"a", "b"} <= set(values(recording))
    assert ("c" in values(recording)) == (left_out != "c")
    assert any("c/results.csv" in sentence and words in sentence for sentence in sentences), sentences
    if left_out != "c":
        assert values(recording)["c"] == [0.4, 0.5, 0.6]


def test_the_last_row_counts_only_if_it_was_written_to_its_end(tmp_path: Path) -> None:
    text = f"{V8}\n" + v8([0.1, 0.2]) + "3,9,1.5,0.5,0.4"
    recording, (sentence,) = read_beside_good(tmp_path, text)
    assert values(recording)["c"] == [0.1, 0.2]
    assert "row 3 was written by half and is left out" in sentence


# --- semicolons and decimal commas -------------------------------------------------------------------------------


def test_a_spreadsheets_semicolons_and_decimal_commas_are_read(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("sep=;\nrun;epoch;map\na;1;0,1\na;2;0,25\nb;1;1\nb;2;1,5e-1\n")
    (recording,) = read(path, "map")
    assert values(recording) == {"a": [0.1, 0.25], "b": [1.0, 0.15]}


def test_commas_and_points_in_one_table_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("run;epoch;map\na;1;0,1\nb;1;1.234\n")
    with pytest.raises(DataError, match="decimal commas and with decimal points"):
        read(path, "map")


# --- arguments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("epochs: [3\n", "no valid YAML"),
        ("epochs: -1\n", "epochs is '-1'"),
        (f"epochs: {'9' * 5000}\n", "epochs is '999"),
        ("epochs: true\n", "epochs is 'True'"),
        ("data: other.yaml\n", "data is given twice"),
        ("x: " + "[" * 20_000 + "\n", "no valid YAML"),
    ],
)
def test_a_run_whose_arguments_are_broken_is_left_out(arguments: str, words: str, tmp_path: Path) -> None:
    recording, sentences = read_beside_good(tmp_path, f"{V8}\n" + v8([0.1, 0.2, 0.3]), arguments)
    assert sorted(values(recording)) == ["a", "b"]
    assert any("c/args.yaml" in sentence and words in sentence for sentence in sentences), sentences


def test_tags_and_aliases_of_arguments_run_nothing_and_take_no_memory(tmp_path: Path) -> None:
    laughs = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 30))
    tag = "save_dir: !!python/object/apply:pathlib.PosixPath [runs, train]\n"
    arguments = f"epochs: 3\n{tag}l0: &l0 [x]\n{laughs}"
    recording, sentences = read_beside_good(tmp_path, f"{V8}\n" + v8([0.4, 0.5, 0.6]), arguments)
    assert values(recording)["c"] == [0.4, 0.5, 0.6]
    assert sentences == []


# --- results.txt -------------------------------------------------------------------------------------------------


def v7(epoch: int, map50: float, map50_95: float, planned: int = 3) -> str:
    cells = [f"{epoch}/{planned - 1}", "7.1G", 0.1, 0.2, 0.3, 0.6, 9, 640, 0.5, 0.4, map50, map50_95, 0.1, 0.1, 0.2]
    return "".join(f"{cell:>10}" for cell in cells) + "\n"


def test_results_txt_is_read_by_position_from_epoch_0(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path, name, v7(0, 0.5, 0.25) + v7(1, 0.6, 0.35) + v7(2, 0.7, 0.45), "results.txt", arguments="")
    (recording,) = read(tmp_path)
    first = recording.runs[0].curve.points[0]
    assert values(recording)["a"] == [0.25, 0.35, 0.45]
    assert first.loss == 0.6
    assert first.held_out == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (v7(0, 0.5, 0.55) + v7(1, 0.6, 0.5), "YOLOv3 writes F1 there"),
        (v7(0, 0.5, 0.4444) + v7(1, 0.6, 0.4445), "column 12 is F1"),
        ("  0/2  7G 0.1 0.2 0.3\n", "has 5 columns"),
        (v7(1, 0.5, 0.2) + v7(2, 0.5, 0.2), "begins at epoch 1"),
    ],
)
def test_a_results_txt_of_other_columns_is_left_out(text: str, words: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path, name, v7(0, 0.5, 0.25) + v7(1, 0.6, 0.35), "results.txt", arguments="")
    save(tmp_path, "c", text, "results.txt", arguments="")
    sentences: list[str] = []
    (recording,) = read(tmp_path, remark=sentences.append)
    assert sorted(values(recording)) == ["a", "b"]
    assert any("c/results.txt" in sentence and words in sentence for sentence in sentences), sentences
