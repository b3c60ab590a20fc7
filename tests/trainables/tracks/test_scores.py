"""Scores of tracks, against numbers computed by hand and against TrackEval's own evaluation of MOTChallenge."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainables.tracks.scores import iou, track_score
from trainables.tracks.sequence import Frame

pytest.importorskip("trackeval")

HERE, THERE = (10.0, 10.0, 30.0, 50.0), (60.0, 10.0, 80.0, 50.0)


def frame(*objects: tuple[int, tuple[float, ...]], label: str = "", counted: bool = True) -> Frame:
    return Frame(
        Path("none.jpg"),
        np.array([box for _, box in objects], dtype=np.float64).reshape(-1, 4),
        np.array([number for number, _ in objects], dtype=np.int64),
        (label,) * len(objects),
        np.full(len(objects), counted),
    )


def answer(*tracks: tuple[int, tuple[float, ...]], label: str = "cow") -> dict[str, Any]:
    boxes = np.array([box for _, box in tracks], dtype=np.float32).reshape(-1, 4)
    return {"boxes": boxes, "labels": [label] * len(tracks), "tracks": [number for number, _ in tracks]}


def score(frames: Sequence[Frame], answers: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return track_score([(frames, answers)])


def test_a_track_that_is_right_throughout_is_perfect() -> None:
    assert score([frame((5, HERE))] * 4, [answer((2, HERE))] * 4) == {"idsw": 0, "mota": 1, "idf1": 1, "hota": 1}


def test_one_switch() -> None:
    """Four boxes, none missed, one switch; the longer half is 2 of 4 on both sides; each hit belongs to 2 of 4."""
    scores = score([frame((1, HERE))] * 4, [answer((7, HERE))] * 2 + [answer((8, HERE))] * 2)
    assert scores == pytest.approx({"idsw": 1, "mota": 1 - 1 / 4, "idf1": 2 * 2 / (4 + 4), "hota": (1 * 2 / 4) ** 0.5})


def test_one_miss() -> None:
    """Three of four boxes found; detection is 3 of 4, association 3 of 4."""
    scores = score([frame((1, HERE))] * 4, [answer((7, HERE))] * 3 + [answer()])
    assert scores == pytest.approx({"idsw": 0, "mota": 1 - 1 / 4, "idf1": 2 * 3 / (4 + 3), "hota": 3 / 4})


def test_one_false_alarm() -> None:
    """Four found, a fifth box where there is nothing; detection is 4 of 5, association perfect."""
    scores = score([frame((1, HERE))] * 4, [answer((7, HERE))] * 3 + [answer((7, HERE), (8, THERE))])
    assert scores == pytest.approx({"idsw": 0, "mota": 1 - 1 / 4, "idf1": 2 * 4 / (4 + 5), "hota": (4 / 5) ** 0.5})


def test_an_object_that_comes_back_under_another_number_was_switched() -> None:
    gone = [answer((7, HERE)), answer(), answer(), answer((8, HERE))]
    assert score([frame((1, HERE))] * 4, gone)["idsw"] == 1


def test_objects_of_all_sequences_count_alike() -> None:
    switched = ([frame((1, HERE))] * 2, [answer((7, HERE)), answer((8, HERE))])
    perfect = ([frame((1, HERE))] * 6, [answer((7, HERE))] * 6)
    assert track_score([switched, perfect])["mota"] == pytest.approx(1 - 1 / 8)


def test_nothing_found_scores_nothing_but_has_no_switches() -> None:
    assert score([frame((1, HERE))] * 3, [answer()] * 3) == {"idsw": 0, "mota": 0, "idf1": 0, "hota": 0}


def test_a_box_of_another_class_is_a_miss_and_a_false_alarm() -> None:
    frames = [frame((1, HERE), label="cow")] * 4
    assert score(frames, [answer((7, HERE))] * 4)["mota"] == 1
    assert score(frames, [answer((7, HERE), label="pig")] * 4)["mota"] == pytest.approx(1 - (4 + 4) / 4)


def test_what_counts_neither_way_may_be_found_or_not() -> None:
    crowded = Frame(Path("none.jpg"), np.array([HERE, THERE]), np.array([1, 2]), ("cow", ""), np.array([True, False]))
    for tracks in ([(7, HERE)], [(7, HERE), (8, THERE)]):
        assert score([crowded] * 3, [answer(*tracks)] * 3)["mota"] == 1
    assert score([crowded] * 3, [answer((8, THERE))] * 3)["mota"] == 0


def test_overlap_of_boxes() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30]])
    assert iou(boxes, np.array([[5.0, 0, 15, 10]])).tolist() == [[50 / 150], [0.0]]


def test_trackeval_itself_gives_the_same_for_files_of_motchallenge(tmp_path: Path) -> None:
    """Two people who cross while one is hidden, a distractor, misses, false alarms and switches at random."""
    random = np.random.default_rng(3)
    frames, answers = [], []
    truth, tracked = [], []
    for number in range(1, 41):
        objects = {1: (4.0 * number, 40.0), 2: (170.0 - 4 * number, 44.0), 3: (90.0, 100.0)}
        boxes = {identity: (x, y, x + 20, y + 40) for identity, (x, y) in objects.items()}
        counted = np.array([True, True, False])
        frames.append(Frame(Path("none.jpg"), np.array(list(boxes.values())), np.arange(1, 4), ("", "", ""), counted))
        tracks = {}
        for identity, box in boxes.items():
            truth.append(
                f"{number},{identity},{box[0]},{box[1]},20,40,{int(identity < 3)},{1 if identity < 3 else 8},1\n"
            )
            if random.random() < 0.85:
                name = identity + 10 * (number // 15) if random.random() < 0.9 else 50 + identity
                tracks[name] = tuple(
                    value + shift for value, shift in zip(box, [random.uniform(-5, 5)] * 4, strict=True)
                )
        if random.random() < 0.2:
            tracks[90] = (300.0, 20.0, 330.0, 70.0)
        answers.append(answer(*tracks.items()))
        tracked += [
            f"{number},{track},{box[0]},{box[1]},{box[2] - box[0]},{box[3] - box[1]},0.9,-1,-1,-1\n"
            for track, box in tracks.items()
        ]
    ours = score(frames, answers)
    assert ours["idsw"] > 3
    assert ours == pytest.approx(by_trackeval(tmp_path, "".join(truth), "".join(tracked)), abs=1e-4)


def by_trackeval(folder: Path, truth: str, tracked: str) -> dict[str, float]:
    """The scores by TrackEval's own reader, preparation and evaluation, as its script for MOTChallenge has them."""
    from trackeval import Evaluator
    from trackeval.datasets import MotChallenge2DBox
    from trackeval.metrics import CLEAR, HOTA, Identity

    sequence = folder / "gt" / "MOT17-train" / "walk"
    (sequence / "gt").mkdir(parents=True)
    (sequence / "gt" / "gt.txt").write_text(truth)
    (sequence / "seqinfo.ini").write_text("[Sequence]\nname=walk\nseqLength=40\n")
    (folder / "gt" / "seqmaps").mkdir()
    (folder / "gt" / "seqmaps" / "MOT17-train.txt").write_text("name\nwalk\n")
    tracker = folder / "trackers" / "MOT17-train" / "mine" / "data"
    tracker.mkdir(parents=True)
    (tracker / "walk.txt").write_text(tracked)
    quiet = {"PRINT_CONFIG": False, "PRINT_RESULTS": False, "TIME_PROGRESS": False, "DISPLAY_LESS_PROGRESS": True}
    quiet |= {"OUTPUT_SUMMARY": False, "OUTPUT_DETAILED": False, "PLOT_CURVES": False}
    places = {"GT_FOLDER": str(folder / "gt"), "TRACKERS_FOLDER": str(folder / "trackers"), "BENCHMARK": "MOT17"}
    with contextlib.redirect_stdout(io.StringIO()):
        data = MotChallenge2DBox({**places, "SPLIT_TO_EVAL": "train", "PRINT_CONFIG": False})
        metrics = [CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False}), HOTA()]
        results, _ = Evaluator({**Evaluator.get_default_eval_config(), **quiet}).evaluate([data], metrics)
    of_people = results["MotChallenge2DBox"]["mine"]["COMBINED_SEQ"]["pedestrian"]
    clear, identity = of_people["CLEAR"], of_people["Identity"]
    return {
        "idsw": float(clear["IDSW"]),
        "mota": float(clear["MOTA"]),
        "idf1": float(identity["IDF1"]),
        "hota": float(np.mean(of_people["HOTA"]["HOTA"])),
    }
