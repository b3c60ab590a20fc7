"""The numbers that are said of one model agree: of a real training, the summary's, the export's and `evaluate`'s."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from search.export.bundle import export
from search.export.combined import export_average
from search.export.int8 import Int8, read_numbers
from search.journal.events import Decided, EpochDone, Kind, Row, TrialStarted
from search.state.outcome import best_checkpoint, result, seed_checkpoints
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.plan import make_plan
from search.sweep.spec import read_spec
from search.views.model_process import model_process, write_models
from search.views.seeds_together import read_seeds
from search.views.summary import checkpoint_sentence
from trainables import checkpoint, registry, standalone
from trainables.errors import CheckpointError
from trainables.held_out import held_out
from trainables.judged import report_on
from trainables.recipe import AnyRecipe

pytestmark = pytest.mark.e2e  # trains

SMALL = {"epochs": 4}


class Ended:
    """A sweep of one trained trial."""

    def __init__(self, root: Path) -> None:
        self.recipe = registry.find("resnet_yolo")
        self.data = self.recipe.sample(root / "digits")
        self.state, self.folder = _trained(self.recipe, self.data, root)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return Ended(tmp_path_factory.mktemp("numbers"))


def _trained(recipe: AnyRecipe, data: Path, root: Path) -> tuple[SweepState, SweepFolder]:
    fields = {
        "name": "numbers",
        "recipe": recipe.name,
        "preset": "tiny",
        "data": str(data),
        "set": SMALL | {"lr": 3e-3},
    }
    plan = make_plan(read_spec(fields | {"trials": 1, "confirm_top": 0}, "test"))
    folder, state = SweepFolder.create(root / "sweeps", plan.spec), SweepState(plan)
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
    return state, folder


def test_evaluating_the_exported_checkpoint_gives_the_number_in_the_summary(ended: Ended) -> None:
    recipe, state, folder, data = ended.recipe, ended.state, ended.folder, ended.data
    assert result(state).trial == 0
    best = best_checkpoint(state, 0, folder)
    export(state, folder, 0, folder.best)
    about = json.loads((folder.best / "about.json").read_text())
    evaluated = list(standalone.evaluate(folder.best / "checkpoint", data, None, None, {}))

    assert best is not None
    assert best.value > 0, "a training that learnt nothing would agree with anything"
    number = f"{recipe.metric} {best.value:.4f}"
    assert number in evaluated
    assert number in checkpoint_sentence(best, recipe.metric)
    assert about["checkpoint_value"] == best.value
    assert f"{recipe.metric} was {best.value:.4f}" in (folder.best / "README.md").read_text()
    assert about["objective_value"] == state.trials[0].curve.objective_value


def test_what_is_told_of_seeds_together_is_what_the_exports_give(ended: Ended, tmp_path: Path) -> None:
    """Two epochs of the one training stand for two seeds."""
    fields = ended.state.plan.spec.fields() | {"confirm_top": 1, "confirm_seeds": 2, "combine_seeds": True}
    plan, state = make_plan(read_spec(fields, "test")), SweepState(make_plan(read_spec(fields, "test")))
    folder = SweepFolder.create(tmp_path, plan.spec)
    settings = ended.state.trials[0].started.settings
    for number, epoch in enumerate((4, 2, 4)):
        kind: Kind = "confirm" if number else "search"
        value = ended.state.trials[0].curve.points[epoch - 1].value
        assert value is not None
        shutil.copytree(ended.folder.checkpoint(0, epoch), folder.checkpoint(number, 1))
        state.apply(Row(0, 0.0, TrialStarted(number, kind, 0, "", number, {}, settings)))
        done = EpochDone(number, 1, "main", {"map50_95": value}, {"train": 1.0}, {}, {}, checkpoint="x", bytes=1)
        state.apply(Row(0, 0.0, done))
        state.apply(Row(0, 0.0, Decided(number, 1, "stop", "done", "")))
    with model_process(plan.spec) as process:
        export(state, folder, 0, folder.best, write_weights=process.weights)
        assert write_models(state, folder, 0, process) == ""

    together = read_seeds(folder)
    assert together is not None
    values = [seed.value for seed in seed_checkpoints(state, 0, folder)]
    assert values[0] > 0
    assert together.seeds == pytest.approx(values, abs=2e-3), "by the predictor, which scales boxes back"
    export_average(state, folder, 0, tmp_path / "average")
    about = json.loads((tmp_path / "average" / "about.json").read_text())
    assert together.average == pytest.approx(about["checkpoint_value"], abs=2e-3)
    line = f"map50_95 {about['checkpoint_value']:.4f}"
    assert line in standalone.evaluate(tmp_path / "average" / "checkpoint", ended.data, None, None, {})

    opened = ended.recipe.open(ended.data)
    epochs = ended.recipe.train(
        ended.recipe.settings("tiny", SMALL | {"lr": 3e-3}), opened, tmp_path, tmp_path / "average" / "checkpoint"
    )
    with pytest.raises(CheckpointError, match="is an average of trainings, from which none can go on"):
        next(iter(epochs))


def test_int8_says_what_it_costs(ended: Ended, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    export(ended.state, ended.folder, 0, tmp_path / "best", int8=True)
    numbers = read_numbers(tmp_path / "best")
    readme = (tmp_path / "best" / "README.md").read_text()
    assert f"map50_95 {numbers.int8:.4f} instead of {numbers.float32:.4f} in float32" in readme
    assert (numbers.examples, numbers.calibrating) == (45, 15)
    assert 0 < numbers.int8_bytes < 0.4 * numbers.float32_bytes

    settings = ended.recipe.settings("tiny", SMALL | {"lr": 3e-3})
    checkpoint, examples = tmp_path / "best" / "checkpoint", ended.recipe.open(ended.data)
    judged = [example for index, example in enumerate(held_out(ended.recipe, settings, examples)) if index % 4]
    by_torch, _ = report_on(judged, ended.recipe.predictor(settings, checkpoint))
    assert numbers.float32 == pytest.approx(by_torch.metrics["map50_95"], abs=1e-3), "of the same network"
    assert numbers.float32 > 0
    assert abs(numbers.int8 - numbers.float32) < 0.1


def test_a_large_loss_is_advised_against() -> None:
    little, much = (Int8("map50", 0.5, 0.5 - lost, 9, 3, 40, 10).sentence for lost in (0.005, 0.05))
    assert "take model.onnx unless" not in little
    assert "it loses 0.0500, so take model.onnx unless that is little to you" in much
