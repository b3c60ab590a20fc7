from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.sweep.plan import make_plan
from search.sweep.spec import SweepSpec
from tests.support.fakes import plan_of
from trainables import registry
from trainables.errors import SettingsError


def test_more_than_one_gpu_is_refused_where_a_training_uses_one(data: Path) -> None:
    sentence = "gpus is 2, but a training of curves uses one GPU, so the others would be idle; give 1"
    with pytest.raises(SettingsError, match=sentence):
        plan_of(data, gpus=2)


def test_only_these_may_use_several_gpus_in_one_training() -> None:
    assert [name for name in registry.names() if registry.find(name).several_gpus] == ["command", "ultralytics"]


def ultralytics(data: Path, **fields: Any) -> SweepSpec:
    return SweepSpec(recipe="ultralytics", preset="tiny", data=str(data), name="a", **fields)


def test_each_gpu_of_a_trial_has_a_process_of_its_training(data: Path) -> None:
    plan = make_plan(ultralytics(data, gpus=2))
    assert plan.spec.set == {"processes": 2}
    assert plan.settings({}, seed=0).model_dump()["processes"] == 2
    assert make_plan(plan.spec).spec == plan.spec
    assert make_plan(ultralytics(data, set={"processes": 2})).pins == {"processes": 2}  # on CPUs
    assert make_plan(ultralytics(data, gpus=1)).spec.set == {}


@pytest.mark.parametrize("gpus", [0.5, 1, 3, "auto"])
def test_processes_that_would_lack_a_gpu_are_refused(gpus: Any, data: Path) -> None:
    with pytest.raises(SettingsError, match=f"set.processes is 2, but gpus is {gpus}.*; .*: give gpus: 2"):
        make_plan(ultralytics(data, gpus=gpus, set={"processes": 2}))


def test_the_number_of_processes_is_not_searched(data: Path) -> None:
    with pytest.raises(SettingsError, match="processes"):
        make_plan(ultralytics(data, set={"processes": [1, 2]}))


def test_a_batch_that_the_gpus_cannot_share_is_refused(data: Path) -> None:
    with pytest.raises(SettingsError, match="batch is 15, which 2 processes cannot share evenly"):
        make_plan(ultralytics(data, gpus=2, set={"batch": 15}))
