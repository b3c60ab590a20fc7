from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from search.execution import this_machine
from search.execution.this_machine import check_resources
from tests.support.fakes import Curves, plan_of, spec_of
from trainables.errors import SettingsError

SMALL = {"CPU": 4.0, "GPU": 0.0, "memory": 8e9}


def test_this_machine_has_a_core_and_memory() -> None:
    (machine,) = this_machine.resources()
    assert machine["CPU"] >= 1
    assert machine["memory"] > 1e8
    assert machine["GPU"] >= 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"gpus": 1.0}, "gpus is 1.0, but this machine has no GPU"),
        ({"gpus": "auto"}, "gpus is auto, but this machine has no GPU"),
        ({"workers": 5}, "workers is 5 with 1 CPUs and 0 GPUs per trial, but there are 4 CPUs and 0 GPUs; 4 at a time"),
        ({"cpus": 8.0}, "a trial takes 8 CPUs and 0 GPUs, which no node has; there are 4 CPUs"),
        ({"memory_gb": 9.0}, "and 9 GB, which no node has; there are 4 CPUs and 0 GPUs and 8 GB"),
    ],
)
def test_what_the_machine_does_not_have_is_told_before_ray_starts(
    fields: dict[str, object], words: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(this_machine, "resources", lambda: [SMALL])
    with pytest.raises(SettingsError, match=words.replace("(", r"\(")):
        check_resources(spec_of(data, **fields))
    check_resources(spec_of(data, address="auto", **fields))
    check_resources(spec_of(data))


def test_more_workers_than_gpus_may_share_them(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(this_machine, "resources", lambda: [SMALL | {"GPU": 1.0}])
    check_resources(spec_of(data, gpus="auto", workers=4))
    with pytest.raises(SettingsError, match="workers is 4 with 1 CPUs and 1 GPUs per trial"):
        check_resources(spec_of(data, gpus=1.0, workers=4))


@pytest.mark.parametrize(
    ("gpus", "fields", "note"),
    [
        (0.0, {}, "this machine has no GPU, and a training of preset paper takes 9 epochs; `--preset tiny`"),
        (1.0, {}, ""),
        (0.0, {"preset": "tiny"}, ""),
        (0.0, {"address": "auto"}, ""),
    ],
)
def test_a_preset_for_gpus_is_not_trained_on_cpus_without_a_word(
    data: Path, monkeypatch: pytest.MonkeyPatch, gpus: float, fields: dict[str, Any], note: str
) -> None:
    class WithTiny(Curves):
        presets: ClassVar[dict[str, dict[str, Any]]] = {"paper": {"epochs": 9}, "tiny": {"epochs": 2}}

    monkeypatch.setattr(this_machine, "resources", lambda: [{"CPU": 2.0, "GPU": gpus}])
    plan = replace(plan_of(data), recipe=WithTiny())
    plan = replace(plan, max_epochs=9, spec=plan.spec.model_copy(update={"preset": "paper"} | fields))
    notes = this_machine.preset_notes(plan)
    assert notes == [] if not note else notes[0].startswith(note)
