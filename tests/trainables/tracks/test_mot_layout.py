"""Sequences in MOTChallenge's layout, and a sentence for each fault of one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainables.errors import DataError
from trainables.tracks.reading import open_sequences
from trainables.tracks.sequence import NO_AREA, OTHER_CLASS, OUTSIDE

NAMES = ("cow", "pig")


def test_frames_have_their_objects_in_order(walk: Path) -> None:
    opened = open_sequences(walk.parent, NAMES)
    (sequence,) = opened.members
    assert (sequence.name, sequence.rate, len(sequence.frames)) == ("walk", 10, 3)
    last = sequence.frames[2]
    assert last.picture == walk / "img1" / "000003.png"
    assert last.boxes.tolist() == [[12, 10, 24, 30], [38, 8, 50, 28]]
    assert (last.ids.tolist(), last.labels, last.counted.tolist()) == ([1, 2], NAMES, [True, True])
    assert open_sequences(walk, NAMES).manifest == opened.manifest, "a sequence alone is taken too"


def test_a_changed_picture_or_line_changes_the_manifest(walk: Path) -> None:
    before = open_sequences(walk, NAMES).manifest.fingerprint
    with (walk / "gt/gt.txt").open("a") as file:
        file.write("3,9,1,1,5,5,1,1,1\n")
    changed = open_sequences(walk, NAMES).manifest
    assert changed.fingerprint != before
    Image.fromarray(np.zeros((48, 64, 3), dtype=np.uint8)).save(walk / "img1/000002.png")
    assert changed.again().fingerprint != changed.fingerprint


def test_classes_may_be_named_as_cvat_names_them(walk: Path) -> None:
    (walk / "gt/labels.txt").write_text("pig\nhorse\n")
    opened = open_sequences(walk, NAMES)
    frame = opened.members[0].frames[0]
    assert frame.labels == ("pig", "horse")
    assert frame.counted.tolist() == [True, False], "the data set has no horses"
    assert {finding.kind for finding in opened.findings} == {OTHER_CLASS}


def test_flags_and_unknown_classes(walk: Path) -> None:
    (walk / "gt/gt.txt").write_text("1,1,4,10,12,20,1,-1,1\n1,2,4,10,12,20,0,8,1\n1,3,4,10,12,20\n")
    frame = open_sequences(walk, NAMES).members[0].frames[0]
    assert (frame.labels, frame.counted.tolist()) == (("", "", ""), [True, False, True])


def test_a_sequence_without_its_description_has_the_frames_that_are_there(walk: Path) -> None:
    (walk / "seqinfo.ini").unlink()
    (walk / "img1").rename(walk / "visible")  # VT-MOT's
    (sequence,) = open_sequences(walk, NAMES).members
    assert (len(sequence.frames), sequence.rate) == (3, 30)


def test_hidden_files_are_no_frames(walk: Path) -> None:
    (walk / "img1/._000001.png").write_text("Mac OS X")
    (sequence,) = open_sequences(walk, NAMES).members
    assert len(sequence.frames) == 3


def test_boxes_outside_or_without_area_are_left_out_and_told(walk: Path) -> None:
    with (walk / "gt/gt.txt").open("a") as file:
        file.write("3,7,64,1,5,5,1,1,1\n3,8,1,1,0,5,1,1,1\n3,9,-4,1,10,5,1,1,1\n")
    opened = open_sequences(walk, NAMES)
    assert opened.members[0].frames[2].ids.tolist() == [1, 2, 9], "a box that is cut by the edge stays"
    assert [finding.kind for finding in opened.findings] == [OUTSIDE, NO_AREA]
    assert "line 7: box 64 1 69 6 is outside its picture of 64 by 48; left out" in str(next(iter(opened.findings)))


def line(text: str) -> Callable[[Path], None]:
    def change(walk: Path) -> None:
        with (walk / "gt/gt.txt").open("a") as file:
            file.write(text)

    return change


def info(before: str, after: str) -> Callable[[Path], None]:
    def change(walk: Path) -> None:
        file = walk / "seqinfo.ini"
        file.write_text(file.read_text().replace(before, after))

    return change


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing frame": (
        lambda walk: (walk / "img1/000002.png").unlink(),
        r"img1: frame 2 has no picture \(1 are missing; .*seqinfo.ini says seqLength 3\); add it, or shorten",
    ),
    "too many frames": (
        info("seqLength=3", "seqLength=2"),
        r"img1: has a picture of frame 3, but .*seqinfo.ini says seqLength 2; mend one",
    ),
    "frame without a number": (
        lambda walk: (walk / "img1/000002.png").rename(walk / "img1/second.png"),
        r"second.png: its name is no number; frames are named by their numbers",
    ),
    "the same frame twice": (
        lambda walk: (walk / "img1/2.png").write_bytes((walk / "img1/000002.png").read_bytes()),
        r"2.png: is frame 2, and so is 000002.png; keep one of the two",
    ),
    "damaged picture": (
        lambda walk: (walk / "img1/000002.png").write_bytes(b"no picture"),
        r"000002.png: .*a sequence cannot do without a frame, so replace it",
    ),
    "other size": (info("imWidth=64", "imWidth=65"), r"000001.png: is 64 by 48 pixels, but .* says imWidth 65; mend"),
    "no folder": (info("imDir=img1", "imDir=frames"), r"frames: no such folder; it must hold the frames"),
    "no tracks": (lambda walk: (walk / "gt/gt.txt").unlink(), r"gt.txt: no such file; a sequence needs the tracks"),
    "an object twice": (
        line("3,2,1,1,5,5,1,1,1\n"),
        r"gt.txt line 7: id 2 is twice in frame 3; an object is in a frame once",
    ),
    "no such frame": (
        line("4,1,1,1,5,5,1,1,1\n"),
        r"gt.txt line 7: frame is 4, but the sequence has the frames 1 to 3; delete the line",
    ),
    "no such class": (
        line("3,5,1,1,5,5,1,3,1\n"),
        r"gt.txt line 7: class is 3, but there are 2 \(cow, pig\), counted from 1; name them in gt/labels.txt",
    ),
    "no number": (line("3,5,1,one,5,5,1,3,1\n"), r"gt.txt line 7: is '3,5,1,one.*'; it must be frame, id, left, top"),
    "too short": (line("3,5,1,1,5\n"), r"gt.txt line 7: is '3,5,1,1,5'; it must be frame, id, left"),
    "half an id": (line("3,5.5,1,1,5,5,1,1,1\n"), r"gt.txt line 7: id is 5.5; it must be a whole number"),
    "nothing counts": (
        lambda walk: (walk / "gt/gt.txt").write_text("1,1,1,1,5,5,0,1,1\n"),
        r"gt.txt: holds no object that counts; a sequence needs at least one",
    ),
    "shares of the picture": (
        lambda walk: (walk / "gt/gt.txt").write_text("1,1,0.1,0.2,0.5,0.5,1,1,1\n2,1,0.2,0.2,0.5,0.8,1,1,1\n"),
        r"gt.txt: every box is within the first pixel; boxes are in pixels, not in shares of the picture",
    ),
    "rate": (info("frameRate=10", "frameRate=fast"), r"seqinfo.ini: frameRate is 'fast'; it must be a number above 0"),
    "length": (info("seqLength=3", "seqLength=-3"), r"seqinfo.ini: seqLength is '-3'; it must be a whole number"),
    "no section": (info("[Sequence]", "[Video]"), r"seqinfo.ini: has no section \[Sequence\] that can be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_in_one_sentence(walk: Path, fault: str) -> None:
    spoil, sentence = FAULTS[fault]
    spoil(walk)
    with pytest.raises(DataError) as refused:
        open_sequences(walk.parent, NAMES)
    assert re.search(sentence, str(refused.value)), str(refused.value)


def test_a_folder_without_sequences_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sequences is .*; it must be a folder of sequences, each with gt/gt.txt"):
        open_sequences(tmp_path, NAMES)
