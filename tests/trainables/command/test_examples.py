"""The sweep files in docs/examples for other people's scripts are sweeps; the scripts themselves are not ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.sweep.plan import make_plan
from search.sweep.spec import COMMAND, read_spec
from trainables.settings import read_yaml

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
FILES = [path for path in sorted(EXAMPLES.glob("*.yaml")) if read_yaml(path).get("recipe") == COMMAND]


def test_there_is_one_for_each_kind_of_script() -> None:
    assert {path.stem for path in FILES} >= {
        *("plain", "ultralytics_cli", "yolox_train", "timm_train", "hydra", "lightning", "hf_trainer"),
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_a_sweep(path: Path) -> None:
    plan = make_plan(read_spec(read_yaml(path), path.name), training=False)
    assert plan.ranges
    assert len(plan.recipe.presets) == 1
