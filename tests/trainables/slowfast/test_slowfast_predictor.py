"""A trained slowfast model on clips: class and probabilities, the same as in its training's evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pytorchvideo.models.slowfast import create_slowfast
from torchvision.transforms import v2

from tests.support.onnx_files import predicts_alike
from trainables.errors import CheckpointError, DataError
from trainables.recipe import Epoch, Predictor
from trainables.samples.thermal_clips import MOTIONS, write_thermal
from trainables.slowfast.data import ThermalData, open_thermal
from trainables.slowfast.recipe import Slowfast

pytestmark = pytest.mark.e2e  # trains

SHORT = {"epochs": 1, "frames": 8, "input_size": [16, 24], "stem_width": 8, "batch": 4}
RECIPE = Slowfast()
SETTINGS = RECIPE.settings("tiny", SHORT)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[ThermalData, Path, Epoch]:
    """Data, the checkpoint of one epoch, and the epoch."""
    folder = tmp_path_factory.mktemp("predictor")
    data = open_thermal(write_thermal(folder / "clips", train=16, val=8))
    (folder / "checkpoint").mkdir()
    (epoch,) = RECIPE.train(SETTINGS, data, folder)
    epoch.save(folder / "checkpoint")
    return data, folder / "checkpoint", epoch


@pytest.fixture
def predict(trained: tuple[ThermalData, Path, Epoch]) -> Predictor:
    return RECIPE.predictor(SETTINGS, trained[1])


def test_the_share_it_names_rightly_is_the_trainings_own_accuracy(
    predict: Predictor, trained: tuple[ThermalData, Path, Epoch]
) -> None:
    data, _, epoch = trained
    answers = predict(list(data.val.frames))
    right = [answer["label"] == data.names[label] for answer, label in zip(answers, data.val.labels, strict=True)]
    assert np.mean(right) == epoch.metrics["top1"]


def test_each_class_has_a_probability_and_the_likeliest_is_the_label(predict: Predictor) -> None:
    (answers,) = predict([np.full((5, 30, 90), 21.0)])
    assert list(answers["scores"]) == list(MOTIONS)
    assert sum(answers["scores"].values()) == pytest.approx(1)
    assert answers["scores"][answers["label"]] == max(answers["scores"].values())


@pytest.mark.parametrize(
    ("clip", "complaint"),
    [
        (np.zeros((40, 60)), r"clip 0: has the shape \(40, 60\); it must be \(frames, height, width\)"),
        (np.zeros((0, 40, 60)), r"clip 0: has the shape \(0, 40, 60\)"),
        (np.full((4, 40, 60), 293.15), "clip 0: goes from 293.15 to 293.15; it must be in Celsius"),
        (np.full((4, 40, 60), np.nan), "clip 0: holds a value that is not finite"),
    ],
)
def test_what_is_no_clip_is_refused(clip: object, complaint: str, predict: Predictor) -> None:
    with pytest.raises(DataError, match=complaint):
        predict([clip])


def test_what_is_no_checkpoint_is_refused(trained: tuple[ThermalData, Path, Epoch], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no state.pt; give a checkpoint directory"):
        RECIPE.predictor(SETTINGS, tmp_path)
    saved = torch.load(trained[1] / "state.pt", weights_only=True)
    del saved["training"]["names"]
    torch.save(saved, tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match="has no names; an older version wrote it"):
        RECIPE.predictor(SETTINGS, tmp_path)


def test_other_data_are_evaluated_in_the_temperatures_of_the_training(
    trained: tuple[ThermalData, Path, Epoch], tmp_path: Path
) -> None:
    """A training split with one hot pixel would else change what every held-out clip looks like."""
    data, checkpoint, epoch = trained
    frames = data.train.frames.copy()
    frames[0, 0, 0, 0] = 150.0
    other = type(data)(data.names, type(data.train)(frames, data.train.labels), data.val, data.manifest)
    metrics = RECIPE.evaluate(SETTINGS, other, tmp_path, checkpoint)
    assert metrics["val"] == epoch.losses["val"]
    assert metrics["top1"] == epoch.metrics["top1"]


def test_pytorchvideo_takes_the_exported_weights_and_answers_alike(
    trained: tuple[ThermalData, Path, Epoch], tmp_path: Path, predict: Predictor
) -> None:
    data, checkpoint, _ = trained
    (line,) = RECIPE.weights(SETTINGS, checkpoint, tmp_path).values()
    assert "clips (1, 3, 8, 16, 24)" in line
    saved = torch.load(tmp_path / "weights.pt", weights_only=True)
    network = create_slowfast(**saved["arguments"], head_pool=torch.nn.AdaptiveAvgPool3d).eval()
    network.load_state_dict(saved["model"])
    low, high = saved["span"]
    frames = torch.tensor(data.val.frames[0], dtype=torch.float32)
    picked = frames[torch.linspace(0, len(frames) - 1, 8).round().long()]
    small = v2.Resize([16, 24], antialias=True)(((picked - low) / (high - low)).clamp(0, 1))
    clip = ((small - 0.45) / 0.225).expand(1, 3, *small.shape)
    with torch.no_grad():
        scores = network([clip[:, :, ::4], clip])[0].softmax(0)
    (answers,) = predict([data.val.frames[0]])
    assert scores.tolist() == pytest.approx(list(answers["scores"].values()), abs=1e-5)


def test_onnx_answers_as_torch_does(trained: tuple[ThermalData, Path, Epoch], tmp_path: Path) -> None:
    (line,) = RECIPE.onnx(SETTINGS, trained[1], tmp_path).values()
    assert line.startswith("images (1, 3, 8, 16, 24) to scores; largest difference from torch")
    assert predicts_alike(RECIPE, SETTINGS, trained[1], tmp_path / "model.onnx", np.full((5, 30, 90), 21.0))
