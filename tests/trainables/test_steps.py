"""Each built-in recipe tells the training loss of each of its steps, from which its spread follows."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest

from trainables import registry

pytestmark = pytest.mark.e2e  # trains an epoch of each


@pytest.mark.parametrize("name", sorted(set(registry.BUILT_IN)))
def test_the_losses_of_its_steps_are_those_of_its_epoch(name: str, tmp_path: Path) -> None:
    recipe = registry.find(name)
    data = recipe.open(recipe.sample(tmp_path / "sample"))
    epoch = next(recipe.train(recipe.settings("tiny", {}), data, tmp_path))
    assert len(epoch.steps) > 1
    assert fmean(epoch.steps) == pytest.approx(epoch.losses["train"], rel=1e-4)
