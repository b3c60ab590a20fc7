"""The model of the YOLOX stability report (document 001): as large as it says, and it takes a step."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from trainables.samples.coco_digits import write_coco
from trainables.yolox.data import open_coco
from trainables.yolox.recipe import Yolox

pytestmark = pytest.mark.e2e  # half a minute


def test_the_paper_preset_takes_a_real_step(tmp_path: Path) -> None:
    """YOLOX-L at 800 x 1440 on one image: half a minute. Only the weights, which need a network, are left out."""
    from trainables.yolox.training import YoloxTraining

    overrides = {"weights": "none", "device": "cpu", "workers": 0, "batch": 1}
    settings = Yolox().settings("paper", overrides, "stable-v3")
    training = YoloxTraining(settings, open_coco(write_coco(tmp_path / "few", train=2, val=1, size=64)))
    training.model.train()
    before = training.model.state_dict()["head.stems.0.conv.weight"].clone()
    pixels, targets, _, _ = next(iter(training._train))
    values = training._step(2000, pixels, targets)
    assert pixels.shape == (1, 3, 800, 1440)
    assert math.isfinite(float(values[0]))
    assert not torch.equal(training.model.state_dict()["head.stems.0.conv.weight"], before)


def test_the_paper_model_is_as_large_as_the_documents() -> None:
    """54.1 M with 7 classes; 46.6 M of them (86.1 %) frozen, 7.6 M trained."""
    from trainables.yolox.experiment import Experiment
    from trainables.yolox.export import fields

    experiment = Experiment()
    settings = Yolox().settings("paper", {}, "stable-v3")
    for name, value in (dict(fields(settings)) | {"num_classes": 7}).items():
        setattr(experiment, name, value)
    with torch.device("meta"):
        parameters = list(experiment.get_model().parameters())
    total = sum(value.numel() for value in parameters)
    trained = sum(value.numel() for value in parameters if value.requires_grad)
    assert total == pytest.approx(54.1e6, abs=0.1e6)
    assert trained == pytest.approx(7.6e6, abs=0.1e6)
    assert (total - trained) / total == pytest.approx(0.861, abs=0.001)
