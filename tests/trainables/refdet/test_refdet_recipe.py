"""refdet's presets, trainings and settings; its space; its export as in the RefDet few-shot guide (document 003)."""

from __future__ import annotations

import argparse
import random
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from spaces import registry
from spaces.refdet import space
from spaces.space import drawn, ranges
from trainables.errors import SettingsError
from trainables.refdet.recipe import Refdet
from trainables.refdet.settings import RefdetSettings
from trainables.settings import read_yaml

RECIPE = Refdet()


@pytest.mark.parametrize("preset", ["paper", "tiny"])
@pytest.mark.parametrize("training", [None, "stage-1", "stage-2", "stage-3"])
def test_every_preset_takes_every_training(preset: str, training: str | None) -> None:
    settings = RECIPE.settings(preset, {}, training)
    assert set(RECIPE.presets[preset]) == set(type(settings).model_fields), "a preset gives every value"


def test_the_paper_preset_is_document_003s_stage_two() -> None:
    paper = RECIPE.settings("paper", {}).model_dump()
    assert paper == RECIPE.settings("paper", {}, "stage-2").model_dump()
    document = {"epochs": 100, "n_way": 2, "n_query": 4, "n_episodes": 100, "lr": 1e-4, "weight_decay": 0.05}
    document |= {"bbox_weight": 7.5, "cls_weight": 0.5, "dfl_weight": 1.5, "supcon_weight": 1.0, "cpe_weight": 0.5}
    document |= {"gradient_accumulation": 2, "dinov2_factor": 0.1, "backbone_factor": 1.0, "fusion_factor": 2.0}
    assert paper.items() >= (document | {"head_factor": 2.0, "width": 0.25}).items()


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"n_ways": 3}, "unknown setting 'n_ways'; did you mean 'n_way'?"),
        ({"stage": 4}, "setting 'stage' is 4; it must be 1, 2 or 3"),
        ({"n_way": 1}, "setting 'n_way' is 1; it must be at least 2"),
        (
            {"use_triplet": True, "stage": 1},
            "use_triplet is on, but stage is 1; triplet batches belong to stages 2 and 3",
        ),
        ({"reference_size": 60}, "reference_size is 60; it must be a multiple of the patch, 14"),
        ({"reference_model": "dinov2"}, "reference_weights sample are of reference_model tiny"),
        ({"negative_strategy": "hard"}, "it must be 'background', 'cross_class' or 'mixed'"),
    ],
)
def test_a_wrong_setting_is_one_sentence(overrides: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        RECIPE.settings("tiny", overrides)
    assert str(raised.value).startswith("refdet: ")
    assert complaint in str(raised.value)


def documented() -> argparse.ArgumentParser:
    """The arguments of `train.py` that the guide shows."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    for name in (
        "stage",
        "epochs",
        "n_way",
        "n_query",
        "n_episodes",
        "gradient_accumulation",
        "triplet_batch_size",
        "num_workers",
    ):
        parser.add_argument(f"--{name}", type=int)
    for name in ("lr", "weight_decay", "triplet_ratio", *(f"{loss}_weight" for loss in LOSSES)):
        parser.add_argument(f"--{name}", type=float)
    parser.add_argument("--negative_strategy", choices=["background", "cross_class", "mixed"])
    for name in ("use_triplet", "mixed_precision"):
        parser.add_argument(f"--{name}", action="store_true")
    return parser


LOSSES = ("bbox", "cls", "dfl", "supcon", "cpe", "triplet")


def test_the_guides_best_experiment_mixes_triplet_batches_into_stage_two(tmp_path: Path) -> None:
    """Its Technique 1: `--stage 2 --use_triplet --triplet_ratio 0.3 … --triplet_batch_size 8`."""
    settings = RECIPE.settings("paper", {"stage": 2, "use_triplet": True})
    script, _ = RECIPE.export(settings, tmp_path)
    words = shlex.split(script.read_text(), comments=True)
    read = vars(documented().parse_args(words[2:]))
    assert (read["stage"], read["use_triplet"], read["triplet_ratio"], read["triplet_batch_size"]) == (2, True, 0.3, 8)


@pytest.mark.parametrize("training", ["stage-1", "stage-2", "stage-3"])
def test_the_export_is_document_003s_command_line(training: str, tmp_path: Path) -> None:
    settings = RECIPE.settings("paper", {"lr": 0.00023, "negative_strategy": "cross_class"}, training)
    script, native = RECIPE.export(settings, tmp_path)
    program, *words = shlex.split(script.read_text(), comments=True)
    assert (program, words[0]) == ("python", "train.py")
    read = vars(documented().parse_args(words[1:]))
    given = settings.model_dump()
    assert {name: given[name] for name, value in read.items() if value} == {
        name: value for name, value in read.items() if value
    }
    assert read["lr"] == 0.00023
    assert (read["supcon_weight"] is not None) == (training != "stage-1")
    assert (read["negative_strategy"] == "cross_class") == (training == "stage-3")
    assert RECIPE.settings("tiny", read_yaml(native)) == settings


class Random:
    """A trial that answers by chance, the ends of the ranges often among its answers."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return self._random.choice([low, high, self._random.uniform(low, high)])

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return self._random.randint(low, high)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_space_draws_is_a_valid_training_of_every_preset(seed: int) -> None:
    values = drawn(space, Random(seed), {})
    for preset in RECIPE.presets:
        assert RECIPE.settings(preset, values, "stage-2").model_dump().items() >= values.items()
    assert ("supcon_weight" in values) == (values["stage"] > 1)
    assert ("triplet_ratio" in values) == values.get("use_triplet", False)
    assert ("triplet_weight" in values) == (values.get("use_triplet", False) or values["stage"] == 3)


def test_the_space_is_found_and_never_searches_the_budget() -> None:
    assert registry.find(RECIPE) is space
    assert not {"epochs", "seed", "device", "image_size"} & ranges(space).keys()
    assert ranges(space).keys() <= RefdetSettings.model_fields.keys()


def test_importing_the_recipe_its_data_and_its_space_is_light() -> None:
    heavy = ("torch", "torchvision", "timm", "av", "sklearn", "ultralytics", "faster_coco_eval")
    code = (
        "import sys, spaces.refdet, trainables.refdet.recipe, trainables.refdet.data, trainables.refdet.export\n"
        f"print(*(name for name in {heavy} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
