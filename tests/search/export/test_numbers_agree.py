"""The numbers that are said of one model agree: of a real training, the summary's, the export's and `evaluate`'s."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search.export.bundle import export
from search.journal.events import Decided, EpochDone, Row, TrialStarted
from search.state.outcome import best_checkpoint, result
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.plan import make_plan
from search.sweep.spec import read_spec
from search.views.summary import checkpoint_sentence
from trainables import checkpoint, registry, standalone

pytestmark = pytest.mark.e2e  # trains

SMALL = {"epochs": 4}


def test_evaluating_the_exported_checkpoint_gives_the_number_in_the_summary(tmp_path: Path) -> None:
    recipe = registry.find("resnet_yolo")
    data = recipe.sample(tmp_path / "digits")
    fields = {
        "name": "numbers",
        "recipe": recipe.name,
        "preset": "tiny",
        "data": str(data),
        "set": SMALL | {"lr": 3e-3},
    }
    plan = make_plan(read_spec(fields | {"trials": 1, "confirm_top": 0}, "test"))
    folder, state = SweepFolder.create(tmp_path / "sweeps", plan.spec), SweepState(plan)
    directory = folder.trials / "0000"
    directory.mkdir(parents=True)
    settings = plan.settings({}, seed=0)
    state.apply(Row(1, 0.0, TrialStarted(0, "search", 0, "", 0, {}, settings.model_dump())))
    for epoch in recipe.train(settings, recipe.open(data), directory):
        path = checkpoint.write(directory / "checkpoints", epoch.epoch, epoch.save)
        metrics, losses = dict(epoch.metrics), dict(epoch.losses)
        done = EpochDone(0, epoch.epoch, epoch.phase, metrics, losses, {}, {}, checkpoint=path.name, bytes=1)
        state.apply(Row(1 + epoch.epoch, 0.0, done))
    state.apply(Row(9, 0.0, Decided(0, SMALL["epochs"], "stop", "done", "trained all epochs")))

    assert result(state).trial == 0
    kept = best_checkpoint(state, 0, folder)
    export(state, folder, 0, folder.best)
    about = json.loads((folder.best / "about.json").read_text())
    evaluated = list(standalone.evaluate(folder.best / "checkpoint", data, None, None, {}))

    assert kept is not None
    assert kept.value > 0, "a training that learnt nothing would agree with anything"
    number = f"{recipe.metric} {kept.value:.4f}"
    assert number in evaluated
    assert number in checkpoint_sentence(kept, recipe.metric)
    assert about["checkpoint_value"] == kept.value
    assert f"{recipe.metric} was {kept.value:.4f}" in (folder.best / "README.md").read_text()
    assert about["objective_value"] == state.trials[0].curve.objective_value
