"""A process that works on a sweep's models at its end: it writes the winner's plain weights and the report on it.

    SWEEPS/NAME/models/models.html                 what becomes a part of the sweep's report
    SWEEPS/NAME/models/winner.json, baseline.json  the numbers
    SWEEPS/NAME/models/seeds.json                  with `combine_seeds`: the winner's seeds averaged and as an ensemble

The recipes' predictors import torch, torchvision and Ultralytics. That takes more CPU time than what is then done with
them, and 700 MB, which would stay in the driver.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import yaml

from search.state.outcome import best_checkpoint, seed_checkpoints
from search.state.sweep_state import SweepState
from search.sweep.environment import python_path
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from search.sweep.uri import is_uri, located
from search.views.seeds_together import FILE as SEEDS
from search.views.status_table import label
from trainables.atomic import new_folder, write_file
from trainables.errors import SteadytuneError
from trainables.held_out import Shows
from trainables.recipe import AnyRecipe
from trainables.settings import Settings, parse_stored, read_yaml

MOST_EXAMPLES = 500
"""Held-out examples that are looked at: two models on all of COCO's 5,000 would take a CPU an hour."""
PART = "models.html"
WINNER, BASELINE = "winner", "baseline"
_SECONDS = 3600.0
"""An answer that takes longer is given up, so that the end of the sweep does not wait for ever."""


class ModelProcess:
    """A process that answers questions on the models of one sweep; it starts with the first. See `model_process`.

    A question and its answer are a line of JSON each.

    Args:
        spec: of the sweep.
        messages: what the process prints, since a pipe that nobody reads may fill up.
    """

    def __init__(self, spec: SweepSpec, messages: IO[str]) -> None:
        self._spec, self._messages = spec, messages
        self._process: subprocess.Popen[str] | None = None

    def weights(self, recipe: AnyRecipe, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """`recipe.weights` in this process, or in the caller's if the recipe cannot be reported on either.

        Raises:
            SteadytuneError: what the recipe raises, or the process died.
            OSError: the files cannot be written.
        """
        if not isinstance(recipe, Shows):
            return recipe.weights(settings, checkpoint, directory)
        paths = {"checkpoint": str(checkpoint), "directory": str(directory)}
        answer = self._ask({"settings": settings.model_dump(mode="json"), **paths}, "weights")
        written: Mapping[str, str] = answer["files"]
        return written

    def report(self, models: Mapping[str, Any], directory: Path) -> None:
        """Write the report's files into `directory`.

        Raises:
            SteadytuneError: there is no report, and why.
        """
        self._ask({**models, "directory": str(directory)}, "report")

    def end(self) -> None:
        """End the process; another question would start one again."""
        if self._process:
            self._process.kill()
            self._process.communicate()  # waits, and closes the pipes
            self._process = None

    def _ask(self, question: Mapping[str, Any], kind: str) -> dict[str, Any]:
        process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        began, too_late = time.monotonic(), threading.Timer(_SECONDS, process.kill)
        too_late.start()
        try:
            process.stdin.write(json.dumps({"kind": kind, **question}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            too_late.cancel()
        if not line:
            self.end()
            gave_up = time.monotonic() - began >= _SECONDS
            raise SteadytuneError(f"it took more than {_SECONDS / 3600:g} hours" if gave_up else self._last_message())
        answer: dict[str, Any] = json.loads(line)
        if "errno" in answer:
            raise OSError(answer["errno"], answer["error"])
        if "error" in answer:
            raise SteadytuneError(answer["error"])
        return answer

    def _started(self) -> subprocess.Popen[str]:
        threads = str(max(1, int(self._spec.cpus)))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "search.views.model_process"],
            env=os.environ | {"PYTHONPATH": python_path(), "OMP_NUM_THREADS": threads},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(self._spec.dump()) + "\n")
        return self._process

    def _last_message(self) -> str:
        self._messages.seek(0)
        return (self._messages.read().strip().splitlines() or ["its process was killed"])[-1]


@contextmanager
def model_process(spec: SweepSpec) -> Iterator[ModelProcess]:
    """A process for the models of the sweep of `spec`, which ends with the block."""
    with tempfile.TemporaryFile("w+", errors="replace") as messages:
        process = ModelProcess(spec, messages)
        try:
            yield process
        finally:
            process.end()


def write_models(state: SweepState, folder: SweepFolder, winner: int, process: ModelProcess) -> str:
    """Write the report on the exported winner and the baseline; returns a sentence if there is none, and why.

    Args:
        state: of the sweep.
        folder: of the sweep, with the winner's export.
        winner: its trial.
        process: of this sweep.
    """
    spec, recipe = state.plan.spec, state.plan.recipe
    if not isinstance(recipe, Shows) or not (folder.best / "checkpoint").is_dir():
        return ""
    if is_uri(spec.data):
        return "The report has no part on the winner's mistakes, since the data are not on this machine."
    models = [_model(f"{WINNER} (trial {label(state.trials[winner])})", WINNER, folder.best / "checkpoint")]
    baselines = (trial for trial in state.trials.search if trial.is_baseline and trial.curve.epoch)
    baseline = next((trial for trial in baselines if trial.number != winner), None)
    checkpoint = best_checkpoint(state, baseline.number, folder) if baseline else None
    if checkpoint:
        models.append(
            _model(f"{BASELINE} ({recipe.baseline})", BASELINE, checkpoint.path, checkpoint.trial.started.settings)
        )
    seeds = seed_checkpoints(state, winner, folder) if spec.combine_seeds else []
    task = {
        "data": located(spec.data),
        "models": models,
        "seeds": [_model(label(seed.trial), "", seed.path, seed.trial.started.settings) for seed in seeds],
    }
    with new_folder(folder.path / "models") as partial:
        try:
            process.report(task, partial)
        except SteadytuneError as error:
            return f"The report has no part on the winner's mistakes: {error}."
    return ""


def _model(title: str, file: str, checkpoint: Path, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    values = read_yaml(checkpoint.parent / "settings.yaml") if settings is None else dict(settings)
    return {"title": title, "file": file, "checkpoint": str(checkpoint), "settings": values}


def read_part(folder: SweepFolder) -> str:
    """The part of the sweep's report that `write_models` wrote; "" if there is none."""
    file = folder.path / "models" / PART
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _write_report(recipe: AnyRecipe, task: Mapping[str, Any], folder: Path) -> None:
    from search.views.model_report import model_parts
    from trainables.judged import judge
    from trainables.seeds_together import score_together

    opened = recipe.open(Path(task["data"]))
    judged, examples = [], []
    for model in task["models"]:
        settings = parse_stored(recipe.settings_type, model["settings"], model["title"])
        shown, judged_model = judge(recipe, settings, opened, Path(model["checkpoint"]), model["title"], MOST_EXAMPLES)
        write_file(folder / f"{model['file']}.json", json.dumps(judged_model.report.as_json(), indent=1))
        examples.append(shown)
        judged.append(judged_model)
    write_file(folder / PART, "\n".join(model_parts(examples[0], judged)))
    members = [
        (parse_stored(recipe.settings_type, seed["settings"], seed["title"]), Path(seed["checkpoint"]))
        for seed in task["seeds"]
    ]
    if len(members) > 1:
        together = score_together(recipe, members, opened, MOST_EXAMPLES)
        write_file(folder / SEEDS, json.dumps(asdict(together), indent=1))


def _answer(recipe: AnyRecipe, question: Mapping[str, Any]) -> dict[str, Any]:
    directory = Path(question["directory"])
    try:
        if question["kind"] == "report":
            _write_report(recipe, question, directory)
            return {}
        settings = parse_stored(recipe.settings_type, question["settings"], recipe.name)
        return {"files": dict(recipe.weights(settings, Path(question["checkpoint"]), directory))}
    except SteadytuneError as error:
        return {"error": str(error).replace("\n", " ")}
    except OSError as error:
        if question["kind"] == "report":
            return {"error": str(error)}
        return {"errno": error.errno, "error": error.strerror}  # a full disk must stop the export as in the driver


def main() -> None:
    """`python -m search.views.model_process`: answers the questions on its input, of the sweep in the first line."""
    from search.sweep.plan import make_plan
    from search.sweep.spec import read_stored_spec

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else prints is no answer
    spec = read_stored_spec(yaml.safe_load(json.loads(sys.stdin.readline())), "the sweep")
    try:
        recipe = make_plan(spec, training=False).recipe
    except SteadytuneError as error:
        sys.exit(str(error).replace("\n", " "))
    for line in sys.stdin:
        print(json.dumps(_answer(recipe, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
