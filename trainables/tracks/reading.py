"""Reads sequences with tracks, whichever layout they have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainables.errors import DataError
from trainables.file_facts import file_facts
from trainables.manifest import Part, of_parts
from trainables.tracks.coco_video import read_coco_sequences
from trainables.tracks.mot_layout import INFO, TRACKS, read_sequence, sequence_folders
from trainables.tracks.sequence import Sequences, TrackedSequence
from trainables.vision.findings import Findings


def open_sequences(path: Path, names: Sequence[str]) -> Sequences:
    """The sequences at `path`, checked: each picture, each line.

    Args:
        path: a sequence in MOTChallenge's layout (`trainables.tracks.mot_layout`), a folder of them, or a COCO file
            with tracks (`trainables.tracks.coco_video`).
        names: the data set's classes; objects of others count neither way.

    Raises:
        DataError: with the file, the line or entry, what is wrong and how to mend it.
    """
    findings = Findings()
    members: list[TrackedSequence] = []
    parts: list[Part] = []
    with file_facts() as facts:
        if path.suffix.lower() == ".json" and path.is_file():
            members, parts = read_coco_sequences(path, names, findings, facts)
        elif path.is_dir():
            for folder in sequence_folders(path):
                member, read = read_sequence(folder, names, findings, facts)
                members.append(member)
                parts += read
    if not members:
        raise DataError(
            f"sequences is {path}; it must be a folder of sequences, each with {TRACKS} and {INFO}, or a COCO file "
            "(.json) with tracks"
        )
    manifest = of_parts({"sequences": [member.name for member in members]}, parts)
    return Sequences(path, tuple(members), manifest, findings)
