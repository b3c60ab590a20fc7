"""What is made of models at a sweep's end is made in a process of its own, whatever becomes of that."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from search.sweep.spec import read_spec
from search.views.model_process import ModelProcess, model_process
from tests.support.idle import Idle
from trainables.errors import CheckpointError, SteadytuneError
from trainables.held_out import HeldOut


class Talkative(Idle):
    """What its weights are, and how they fail, is said by a file in the checkpoint."""

    def held_out(self, settings: Any, data: Any) -> Sequence[HeldOut]:
        """Nothing, but it could be reported on."""
        return []

    def weights(self, settings: Any, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Does what the file says."""
        print("a library says hello")
        behaviour = (checkpoint / "what").read_text()
        if behaviour == "is damaged":
            raise CheckpointError("state.pt: is damaged")
        if behaviour == "disk full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if behaviour == "dies":
            os._exit(9)
        if behaviour == "has a bug":
            raise TypeError("no such\nthing")
        (directory / "weights.bin").write_text(f"{settings.x}")
        return {"weights.bin": f"of process {os.getpid()}"}


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelProcess]:
    data = str(tmp_path_factory.mktemp("data"))
    spec = {"recipe": f"{__name__}:Talkative", "preset": "tiny", "data": data, "name": "talk", "trials": 1}
    with model_process(read_spec(spec, "test")) as process:
        yield process


def weights(process: ModelProcess, folder: Path, behaviour: str) -> Mapping[str, str]:
    (folder / "what").write_text(behaviour)
    recipe = Talkative()
    return process.weights(recipe, recipe.settings("tiny", {"x": 0.25}), folder, folder)


def test_weights_are_written_by_one_process_that_is_not_this_one(process: ModelProcess, tmp_path: Path) -> None:
    files = weights(process, tmp_path, "fine")
    assert (tmp_path / "weights.bin").read_text() == "0.25"
    assert files["weights.bin"] != f"of process {os.getpid()}"
    assert weights(process, tmp_path, "fine") == files


def test_what_a_recipe_raises_there_is_raised_here(process: ModelProcess, tmp_path: Path) -> None:
    with pytest.raises(SteadytuneError, match=r"^state\.pt: is damaged$"):
        weights(process, tmp_path, "is damaged")
    with pytest.raises(OSError, match=rf"\[Errno {errno.ENOSPC}\]"):  # so that the sweep stops and says so
        weights(process, tmp_path, "disk full")


@pytest.mark.parametrize(("behaviour", "sentence"), [("dies", "a library says hello"), ("has a bug", "thing")])
def test_a_process_that_ends_leaves_its_last_words_and_the_next_question_starts_another(
    behaviour: str, sentence: str, process: ModelProcess, tmp_path: Path
) -> None:
    with pytest.raises(SteadytuneError, match=sentence):
        weights(process, tmp_path, behaviour)
    assert weights(process, tmp_path, "fine")


def test_a_report_that_cannot_be_made_is_a_sentence(process: ModelProcess, tmp_path: Path) -> None:
    model = {"title": "winner", "file": "winner", "checkpoint": str(tmp_path / "none"), "settings": {"x": 2}}
    with pytest.raises(SteadytuneError, match="x"):
        process.report({"data": str(tmp_path), "models": [model], "seeds": []}, tmp_path)
