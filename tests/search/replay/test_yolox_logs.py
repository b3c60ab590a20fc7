"""Logs of YOLOX: which lines are an epoch, its loss and its value.

The layouts, not their words or numbers, follow what others reported: Megvii-BaseDetection/YOLOX#308 and #337 (lines),
#1760 (epochs too short for a line), #1199 (AP and losses of 0), cocodataset/cocoapi (-1 where nothing is annotated).
"""

from __future__ import annotations

from pathlib import Path

from search.replay.sources import read

AP = " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = {:.3f}\n"


def save(root: Path, run: str, text: str) -> None:
    (root / run).mkdir(parents=True, exist_ok=True)
    (root / run / "train_log.txt").write_text(text)


def start(epoch: int) -> str:
    return f"2024-03-03 15:06:25 | INFO     | yolox.core.trainer:203 - ---> start train epoch{epoch}\n"


def step(epoch: int, iteration: int, loss: object, planned: int = 3) -> str:
    position = f"epoch: {epoch}/{planned}, iter: {iteration}/20, mem: 9Mb"
    return f"2024-03-03 15:06:28 | INFO     | yolox.core.trainer:254 - {position}, total_loss: {loss}, iou_loss: 1.0\n"


def logs(root: Path, text: str) -> tuple[dict[str, list[float | None]], list[float | None], list[str]]:
    """Values by run and losses of run `a`, read from two logs of `text`."""
    for name in ("a", "b"):
        save(root, name, text)
    sentences: list[str] = []
    (recording,) = read(root, remark=sentences.append)
    values = {run.name: [point.value for point in run.curve.points] for run in recording.runs}
    return values, [point.loss for point in recording.runs[0].curve.points], sentences


def test_an_epoch_too_short_for_a_line_has_its_own_evaluation(tmp_path: Path) -> None:
    text = "".join(start(epoch) + AP.format(epoch / 10) for epoch in (1, 2, 3))
    by_run, losses, _ = logs(tmp_path, text)
    assert by_run["a"] == [0.1, 0.2, 0.3]
    assert losses == [None, None, None]


def test_where_nothing_is_annotated_there_is_no_value(tmp_path: Path) -> None:
    by_run, _, _ = logs(tmp_path, step(1, 10, 4.0) + AP.format(-1) + step(2, 10, 3.0) + AP.format(0.2))
    assert by_run["a"] == [None, 0.2]


def test_an_epoch_that_was_resumed_counts_as_it_was_trained_last(tmp_path: Path) -> None:
    text = step(1, 10, 4.0) + AP.format(0.1) + step(2, 10, 99.0) + step(3, 10, 99.0) + AP.format(0.9)
    by_run, losses, sentences = logs(tmp_path, text + step(3, 10, 2.0) + step(3, 20, 1.0) + AP.format(0.3))
    assert by_run["a"] == [0.1, None, 0.3]
    assert losses == [4.0, 99.0, 1.5]
    assert any("gives epoch 3 again" in sentence for sentence in sentences)


def test_a_loss_that_is_no_number_any_more_is_kept_and_a_word_is_not(tmp_path: Path) -> None:
    by_run, losses, _ = logs(tmp_path, step(1, 10, "nan") + AP.format(0.1))
    assert (by_run["a"], str(losses)) == ([0.1], "[nan]")
    save(tmp_path, "c", step(1, 10, "e-e") + AP.format(0.1))
    sentences: list[str] = []
    read(tmp_path, remark=sentences.append)
    assert any("c/train_log.txt" in sentence and "total_loss is 'e-e'" in sentence for sentence in sentences)
