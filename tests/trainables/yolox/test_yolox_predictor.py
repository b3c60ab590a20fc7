"""The trained YOLOX on pictures of any size, and its weights in upstream's own tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.onnx_files import predicts_alike
from trainables.errors import CheckpointError, DataError
from trainables.samples.coco_digits import write_coco
from trainables.vision.average_precision import average_precision
from trainables.yolox.data import CocoData, open_coco
from trainables.yolox.recipe import Yolox

pytestmark = pytest.mark.e2e  # trains

SHORT: dict[str, Any] = {
    **{"epochs": 1, "input_size": [96, 64], "batch": 4, "weights": "none", "freeze": "none", "warmup_epochs": 0},
    **{"no_aug_epochs": 0, "score_threshold": 0.001},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> CocoData:
    return open_coco(write_coco(tmp_path_factory.mktemp("samples") / "few", train=12, val=4, size=80))


@pytest.fixture(scope="module")
def checkpoint(data: CocoData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one epoch."""
    folder = tmp_path_factory.mktemp("yolox")
    for epoch in Yolox().train(Yolox().settings("tiny", SHORT), data, folder):
        epoch.save(folder)
    return folder


def found_by_evaluation(data: CocoData, checkpoint: Path, patch: pytest.MonkeyPatch) -> list[Any]:
    """The detections that the metric is computed from."""
    import trainables.yolox.training as module
    from trainables.loop import read

    seen: list[Any] = []

    def scored(truth: Any, detected: Any, names: Any) -> Any:
        seen.extend(detected)
        return average_precision(truth, detected, names)

    patch.setattr(module, "average_precision", scored)
    settings = Yolox().settings("tiny", SHORT)
    training = module.YoloxTraining(settings, data)
    training.load_state(read(checkpoint)["training"])
    training.evaluate(1)
    return seen


def test_it_finds_in_files_and_arrays_what_the_evaluation_finds(
    data: CocoData, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cv2

    files = [picture.path for picture in data.val]
    pixels = [np.asarray(cv2.imread(str(file)))[..., ::-1] for file in files]
    predict = Yolox().predictor(Yolox().settings("tiny", SHORT), checkpoint)
    expected = found_by_evaluation(data, checkpoint, monkeypatch)
    assert sum(len(detections.scores) for detections in expected) > 10
    for images in (files, pixels):
        for ours, theirs in zip(predict(images), expected, strict=True):
            assert ours["boxes"] == pytest.approx(theirs.boxes, abs=1e-3)
            assert ours["scores"] == pytest.approx(theirs.scores, abs=1e-4)  # float32 sums of another batch size
            assert ours["labels"] == [data.names[int(index)] for index in theirs.classes]


def test_upstream_loads_the_exported_weights_and_answers_alike(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yolox.cli.utils import resolve_config
    from yolox.utils import load_ckpt
    from yolox.utils.checkpoint import load_checkpoint

    recipe, settings = Yolox(), Yolox().settings("tiny", SHORT)
    recipe.export(settings, tmp_path)
    assert recipe.weights(settings, checkpoint, tmp_path).keys() == {"weights.pt"}
    monkeypatch.syspath_prepend(tmp_path)
    config = resolve_config("yolox_experiment:Tuned")
    config.num_classes = 3
    upstream = load_ckpt(config.get_model(), load_checkpoint(tmp_path / "weights.pt", "cpu")["model"]).eval()
    pixels = torch.rand(2, 3, 96, 64) * 255
    from trainables.yolox.predictor import trained

    ours, names = trained(settings, checkpoint)
    with torch.no_grad():
        assert torch.equal(upstream(pixels), ours(pixels))
    assert names == ["3", "7", "8"]


def test_settings_that_are_not_the_checkpoints_are_refused_in_a_sentence(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is not of a training with these settings \(.*; give the settings"):
        Yolox().predictor(Yolox().settings("tiny", SHORT | {"width": 0.25}), checkpoint)
    with pytest.raises(CheckpointError, match=r"holds no state.pt"):
        Yolox().predictor(Yolox().settings("tiny", SHORT), tmp_path)


def test_pictures_that_are_none_are_refused_in_a_sentence(checkpoint: Path, tmp_path: Path) -> None:
    predict = Yolox().predictor(Yolox().settings("tiny", SHORT), checkpoint)
    with pytest.raises(DataError, match=r"nowhere.png: no such file"):
        predict([tmp_path / "nowhere.png"])
    with pytest.raises(DataError, match=r"shape \(4, 4\) and type float64; it must be \(height, width, 3\) of uint8"):
        predict([np.zeros((4, 4))])


def test_onnx_answers_as_torch_does(checkpoint: Path, tmp_path: Path) -> None:
    files = Yolox().onnx(Yolox().settings("tiny", SHORT), checkpoint, tmp_path)
    assert files["model.onnx"].startswith("images (1, 3, 96, 64) to predictions; largest difference from torch ")
    picture = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    assert predicts_alike(Yolox(), Yolox().settings("tiny", SHORT), checkpoint, tmp_path / "model.onnx", picture)
