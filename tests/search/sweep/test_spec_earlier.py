"""Thresholds of the stop rules that came later do not change a sweep that had begun without them."""

from __future__ import annotations

from search.pruning.stability import StabilitySettings
from search.sweep.spec import read_spec, read_stored_spec

STORED = {"recipe": "resnet_yolo", "data": "data.yaml", "name": "sweep"}


def test_a_sweep_that_began_before_demotions_demotes_none() -> None:
    before = {"nonfinite_epochs": 2, "no_best_epochs": 10, "collapse_share": 0.2, "collapse_after": 0.3}
    stability = read_stored_spec({**STORED, "stability": before}, "sweep.yaml").stability
    assert (stability.demote, stability.min_epochs) == (False, 1)
    assert (stability.no_best_epochs, stability.collapse_share, stability.collapse_after) == (10, 0.2, 0.3)


def test_a_sweep_of_this_version_keeps_what_it_began_with() -> None:
    spec = read_spec(STORED, "sweep.yaml")
    assert read_stored_spec(spec.model_dump(mode="json", exclude_none=True), "journal").stability == StabilitySettings()
    without = read_spec({**STORED, "stability": {"demote": False, "min_epochs": 5}}, "sweep.yaml")
    assert read_stored_spec(without.fields(), "sweep.yaml") == without


def test_a_description_without_thresholds_has_the_defaults() -> None:
    assert read_stored_spec(STORED, "sweep.yaml").stability == StabilitySettings()
