"""JSON and TOML that come from elsewhere: each reader gives what the file says, or one sentence.

The kinds are those of simplejson/simplejson#28 and #334 and ijl/orjson#201 (nesting that ends the recursion), and of
python/cpython#95778 (numbers of thousands of digits).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.sweep import data_identity, data_look
from trainables.command import arguments, checkpoints
from trainables.command.declaration import ArgumentsFile
from trainables.errors import SteadytuneError
from trainables.logs.line_readers import JsonlReader
from trainables.logs.store_readers import TrainerStateReader

HOSTILE: dict[str, bytes] = {
    "lists 100,000 deep": b"[" * 100_000,
    "objects 900 deep": b'{"a":' * 900 + b"1" + b"}" * 900,
    "a number of 5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "a number of 400 digits": b'{"a": ' + b"9" * 400 + b"}",
    "half of a surrogate pair": b'{"a": "\\ud800", "\\udc00": 1}',
    "half of it": b'{"a": [1, 2',
    "a list": b"[1, 2]",
    "a number": b"1",
    "null": b"null",
    "an empty file": b"",
    "zero bytes": bytes(100),
    "no UTF-8": b'{"a": "caf\xe9"}',
    "another shape": b'{"log_history": 3, "tables": 3, "facts": {}, "parts": {}, "earlier": 3, "seen": 3, "name": {}}',
    "another shape within": b'{"log_history": [3, {"epoch": {}}], "tables": [3], "facts": {}, "parts": {"a": 3}}',
}


def base_of(suffix: str) -> Callable[[Path], Any]:
    def read(file: Path) -> Any:
        renamed = file.rename(file.with_suffix(suffix))
        return arguments.arguments_file(ArgumentsFile(file=f"args{suffix}"), renamed, {"lr": 0.1})

    return read


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "base of an arguments file": ("base.json", base_of(".json")),
    "base in TOML": ("base.toml", base_of(".toml")),
    "state of a script's checkpoint": ("state.json", lambda file: checkpoints.read_state(file.parent, {})),
    "state of Hugging Face's trainer": ("trainer_state.json", lambda file: TrainerStateReader(file.parent).read(True)),
    "a log of JSON lines": ("log.jsonl", lambda file: JsonlReader(file, "a").read(True)),
    "the look at a sweep's data": ("look.json", lambda file: data_look.read(file.parent)),
    "a sweep's data": ("data.json", lambda file: data_identity.read_identity(file.parent)),
}
"""The file's name, and what reads it."""


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("reader", READERS)
def test_hostile_json_is_one_sentence(reader: str, kind: str, tmp_path: Path) -> None:
    name, read = READERS[reader]
    (tmp_path / name).write_bytes(HOSTILE[kind])
    sentence = ""
    try:
        read(tmp_path / name)
    except SteadytuneError as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert len(sentence) < 400 + 2 * len(str(tmp_path))


@pytest.mark.parametrize("reader", ["base of an arguments file", "base in TOML", "a log of JSON lines"])
def test_a_key_given_twice_is_refused(reader: str, tmp_path: Path) -> None:
    """Python keeps the last one without a word: a merge by hand gone wrong would change what is trained."""
    name, read = READERS[reader]
    (tmp_path / name).write_text("lr = 1\nlr = 2\n" if name.endswith(".toml") else '{"a": {"lr": 1, "lr": 2}}\n')
    with pytest.raises(SteadytuneError, match=r"'lr' is given twice|overwrite a value"):
        read(tmp_path / name)


@pytest.mark.parametrize("reader", ["base of an arguments file", "state of a script's checkpoint", "a sweep's data"])
def test_a_pipe_is_no_hang(reader: str, tmp_path: Path) -> None:
    name, read = READERS[reader]
    os.mkfifo(tmp_path / name)
    with pytest.raises(SteadytuneError):
        read(tmp_path / name)
