"""A configuration's fresh seeds as one model: which are kept, averaged, exported, loaded and proven."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from search.control.retention import to_delete
from search.export.combined import export_average, export_ensemble
from search.export.loaded import load_export
from search.export.prove import prove
from search.state.outcome import seed_checkpoints
from search.sweep.folder import SweepFolder
from tests.support.fakes import Curves, plan_of, spec_of
from tests.support.told import Story
from trainables.errors import SettingsError, SteadytuneError
from trainables.held_out import HeldOut
from trainables.recipe import Predictor

RECIPE = f"{__name__}:Weighed"


class Weighed(Curves):
    """A model that is a number, which is its probability of standing and its score."""

    name: ClassVar[str] = "weighed"

    def held_out(self, settings: Any, data: Any) -> Sequence[HeldOut]:
        return []

    def average(self, settings: Any, checkpoints: Sequence[Path], directory: Path) -> None:
        weights = [self._weight(checkpoint) for checkpoint in checkpoints]
        (directory / "state.json").write_text(json.dumps({"weight": statistics.fmean(weights)}))

    def evaluate(self, settings: Any, data: Any, workdir: Path, checkpoint: Path) -> Mapping[str, float]:
        return {"score": self._weight(checkpoint)}

    def predictor(self, settings: Any, checkpoint: Path) -> Predictor:
        stand = self._weight(checkpoint)
        return lambda clips: [{"label": "", "scores": {"stand": stand, "fall": 1 - stand}} for _ in clips]

    @staticmethod
    def _weight(checkpoint: Path) -> float:
        return float(json.loads((checkpoint / "state.json").read_text())["weight"])


class Told:
    """A sweep whose winner was trained again on three fresh seeds, one of which was lost."""

    def __init__(self, data: Path, root: Path, **fields: Any) -> None:
        fields = {"recipe": RECIPE, "confirm_top": 1, "confirm_seeds": 3, **fields}
        self.story = Story(data, **fields)
        self.folder = SweepFolder.create(root, spec_of(data, **fields))
        self.winner = self.story.trial([0.5])
        self.seeds = [self.story.trial([value], of=self.winner) for value in (0.4, 0.8)]
        self.lost = self.story.trial([0.9], of=self.winner, reason="budget")
        for number, weight in zip([self.winner, *self.seeds, self.lost], (0.5, 0.4, 0.8, 0.9), strict=True):
            path = self.folder.checkpoint(number, 1)
            path.mkdir(parents=True)
            (path / "state.json").write_text(json.dumps({"weight": weight}))


@pytest.fixture
def told(data: Path, tmp_path: Path) -> Told:
    return Told(data, tmp_path / "sweeps", combine_seeds=True)


def test_each_seeds_checkpoint_stays_where_they_are_to_be_combined(data: Path, tmp_path: Path) -> None:
    apart = Told(data, tmp_path / "apart", combine_seeds=True, keep_checkpoints=1)
    assert to_delete(apart.story.state) == []
    together = Told(data, tmp_path / "together", keep_checkpoints=1)
    deleted = {checkpoint.trial for checkpoint in to_delete(together.story.state)}
    assert deleted == {together.winner, *together.seeds, together.lost} - {together.lost}, "the best of all stays"


def test_the_seeds_that_count_come_best_first(told: Told) -> None:
    seeds = seed_checkpoints(told.story.state, told.winner, told.folder)
    assert [(seed.trial.number, seed.value) for seed in seeds] == [(told.seeds[1], 0.8), (told.seeds[0], 0.4)]


def test_an_average_is_an_export_with_the_value_that_evaluating_it_gives(told: Told, tmp_path: Path) -> None:
    files = export_average(told.story.state, told.folder, told.winner, tmp_path / "average")
    assert {path.name for path in files} >= {"README.md", "about.json", "checkpoint", "curves.json", "settings.yaml"}
    about = json.loads((tmp_path / "average" / "about.json").read_text())
    assert about["checkpoint_value"] == pytest.approx(0.6)
    assert [seed["trial"] for seed in about["average_of"]] == told.seeds[::-1]
    name, predict = load_export(tmp_path / "average")
    assert (name, predict(["clip"])[0]["scores"]["stand"]) == ("weighed", pytest.approx(0.6))
    readme = (tmp_path / "average" / "README.md").read_text()
    assert (
        "average of the weights of training 2 (seed 2, epoch 1: 0.8000), training 1 (seed 1, epoch 1: 0.4000)" in readme
    )
    assert "which reach score 0.6000" in readme


def test_an_ensemble_is_a_folder_of_exports_that_predicts(told: Told, tmp_path: Path) -> None:
    export_ensemble(told.story.state, told.folder, told.winner, tmp_path / "ensemble")
    members = sorted(path.name for path in (tmp_path / "ensemble" / "members").iterdir())
    assert members == ["seed-1", "seed-2"]
    name, predict = load_export(tmp_path / "ensemble")
    assert (name, predict(["clip"])[0]["scores"]["stand"]) == ("weighed", pytest.approx(0.6))
    (tmp_path / "ensemble" / "members" / "seed-1" / "about.json").unlink()
    with pytest.raises(SteadytuneError, match=r"seed-1: a member of the ensemble is missing; export again"):
        load_export(tmp_path / "ensemble")


def test_fewer_than_two_seeds_make_neither(told: Told, tmp_path: Path) -> None:
    (told.folder.checkpoint(told.seeds[0], 1) / "state.json").unlink()
    told.folder.checkpoint(told.seeds[0], 1).rmdir()
    for write in (export_average, export_ensemble):
        with pytest.raises(
            SteadytuneError, match="1 of its fresh seeds have a checkpoint, and it takes two; a sweep keeps"
        ):
            write(told.story.state, told.folder, told.winner, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_proof_of_an_ensemble_is_that_of_its_members(told: Told, tmp_path: Path) -> None:
    export_ensemble(told.story.state, told.folder, told.winner, tmp_path / "ensemble")
    lines = prove(tmp_path / "ensemble", 1)
    assert next(lines) == "member seed-2:"
    assert next(lines) == "settings and native files are those of the trial"
    settings = tmp_path / "ensemble" / "members" / "seed-1" / "settings.yaml"
    settings.write_text(settings.read_text().replace("seed: 1", "seed: 5"))
    average = tmp_path / "average"
    export_average(told.story.state, told.folder, told.winner, average)
    assert next(prove(average, 1)) == "an average of 2 trainings: proven is the one whose settings these are"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (
            {"confirm_seeds": 1},
            "with confirm_top 3 and confirm_seeds 1; give at least 1 and 2 of them",
        ),
        ({"confirm_top": 0}, "with confirm_top 0 and confirm_seeds 2; give at least"),
        (
            {"recipe": "tests.support.fakes:Curves"},
            "recipe curves shows no held-out examples to score on; leave it out",
        ),
    ],
)
def test_a_sweep_that_could_not_combine_seeds_is_refused(data: Path, fields: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError, match=f"combine_seeds is true, .*{complaint}"):
        plan_of(data, **{"recipe": RECIPE, "combine_seeds": True, **fields})
