"""Every recipe's checkpoint has a report, whose metric is the one that its training measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from search.views.model_report import write_report
from tests.support.browser import is_wider_than_its_window, opened, pictures_drawn
from tests.support.programs import CHROMIUM
from trainables import registry
from trainables.judged import judge

METRICS = {
    "resnet_yolo": ("map50_95", "map50_95"),
    "yolox": ("map50_95", "map50_95"),
    "rgbt": ("map50_95", "map50_95"),
    "refdet": ("map50_95", "map50_95"),
    "slowfast": ("mean_class_accuracy", "mean_class_accuracy"),
    "ultralytics": ("metrics/mAP50-95(B)", "map50_95"),
}
TOLERANCE = {"ultralytics": 0.05, "refdet": 5e-3}
"""Ultralytics pads a picture otherwise when it predicts than when it validates, and its AP interpolates otherwise."""
WITHOUT_DOWNLOADS = {"refdet": {"weights": "none", "reference_weights": "none"}}


@pytest.mark.e2e
@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_a_report_has_the_metric_that_the_training_measured(name: str, tmp_path: Path) -> None:
    recipe = registry.find(name)
    data = recipe.open(recipe.sample(tmp_path / "data"))
    settings = recipe.settings("tiny", {"epochs": 2, **WITHOUT_DOWNLOADS.get(name, {})})
    (tmp_path / "run").mkdir()
    *_, last = recipe.train(settings, data, tmp_path / "run")
    checkpoint = tmp_path / "epoch-0002"
    checkpoint.mkdir()
    last.save(checkpoint)
    examples, model = judge(recipe, settings, data, checkpoint, "model")
    measured, reported = METRICS[name]
    assert model.report.metrics[reported] == pytest.approx(last.metrics[measured], abs=TOLERANCE.get(name, 1e-3))
    page = write_report("A model", (examples, model), tmp_path / "report")
    text = page.read_text(encoding="utf-8")
    assert len(text) < 3e6
    assert "Confusion matrix: model" in text
    assert len(re.findall("<img src='data:image/webp", text)) >= 4
    if CHROMIUM.path:
        errors: list[str] = []
        with opened(page, 390, errors) as shown:
            assert all(pictures_drawn(shown))
            assert not is_wider_than_its_window(shown)
        assert errors == []
    if name == "rgbt":
        assert {"day", "night"} & set(model.report.groups)
    if name == "refdet":
        assert "what is sought" in text
