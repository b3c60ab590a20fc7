"""What tests of broken files share: a hundred examples each, and a reader that may refuse in one sentence only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from trainables.errors import LONGEST, SteadytuneError
from trainables.file_facts import FileFacts

fuzzed = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


def read(reader: Callable[[], Any], file: Path) -> Any:
    """What `reader` gives; None if it refuses the data, in one sentence that names a file of theirs."""
    try:
        return reader()
    except SteadytuneError as error:
        sentence = str(error)
        assert sentence.startswith((str(file.parent.parent), "/dev/zero")), sentence
        assert "\n" not in sentence
        assert len(sentence) <= LONGEST + 1, sentence
        sentence.encode()
        return None


def facts() -> FileFacts:
    """Nothing is kept between two examples."""
    return FileFacts(None)
