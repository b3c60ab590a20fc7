"""Broken and hostile files end in one sentence, within 500 MB and seconds; the page shows the sentences."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support import REPOSITORY
from tests.support.bad_files import MEMORY_BYTES, PAGE, READERS, Outcome, written


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """Of all files, opened in a process of its own, which ends if one of them hangs."""
    command = [sys.executable, "-m", "tests.support.bad_files"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"after {lines[-1] if lines else 'nothing'}: {done.stderr[-2000:]}"
    return [Outcome(**json.loads(line)) for line in lines]


def test_every_file_is_one_sentence_that_names_it(outcomes: list[Outcome]) -> None:
    assert len(outcomes) == sum(len(reader.cases) for reader in READERS)
    names = {reader.title: reader.name for reader in READERS}
    for outcome in outcomes:
        assert names[outcome.title] in outcome.sentence, outcome
        assert "\n" not in outcome.sentence, outcome
        assert "Traceback" not in outcome.sentence, outcome


def test_none_takes_much_memory(outcomes: list[Outcome]) -> None:
    assert [outcome for outcome in outcomes if outcome.memory > MEMORY_BYTES] == []


def test_the_page_shows_the_sentences(outcomes: list[Outcome]) -> None:
    assert PAGE.read_text(encoding="utf-8") == written(outcomes), (
        "docs/bad-input.md is behind the code: run python -m tests.support.bad_files --write"
    )
