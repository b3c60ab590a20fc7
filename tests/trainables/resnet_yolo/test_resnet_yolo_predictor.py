"""The trained detector on pictures of any size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.onnx_files import predicts_alike
from trainables.errors import CheckpointError, SteadytuneError
from trainables.recipe import Predictor, Recipe
from trainables.resnet_yolo.data import letterboxed
from trainables.resnet_yolo.recipe import ResnetYolo

pytestmark = pytest.mark.e2e  # trains

SHORT = {"epochs": 1, "score_threshold": 0.001}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[ResnetYolo, Path]:
    """One epoch of the tiny preset, and its checkpoint."""
    torch.set_num_threads(1)
    recipe = ResnetYolo()
    folder = tmp_path_factory.mktemp("predictor")
    data = recipe.open(recipe.sample(folder / "data"))
    (folder / "checkpoint").mkdir()
    for epoch in recipe.train(recipe.settings("tiny", SHORT), data, folder):
        epoch.save(folder / "checkpoint")
    return recipe, folder


@pytest.fixture
def predict(trained: tuple[ResnetYolo, Path]) -> Predictor:
    recipe, folder = trained
    return recipe.predictor(recipe.settings("tiny", SHORT), folder / "checkpoint")


def test_a_picture_gives_boxes_scores_and_names(predict: Predictor) -> None:
    (answers,) = predict([np.full((48, 80, 3), 90, dtype=np.uint8)])
    assert answers["boxes"].shape == (len(answers["scores"]), 4)
    assert len(answers["labels"]) == len(answers["scores"]) > 0
    assert set(answers["labels"]) <= {"three", "seven", "3", "7"}
    assert ((answers["scores"] >= 0) & (answers["scores"] <= 1)).all()


def test_boxes_lie_in_the_pictures_own_pixels(predict: Predictor) -> None:
    (answers,) = predict([np.random.default_rng(0).integers(0, 255, (300, 1000, 3), dtype=np.uint8)])
    assert (answers["boxes"] >= 0).all()
    assert (answers["boxes"][:, [0, 2]] <= 1000).all()
    assert (answers["boxes"][:, [1, 3]] <= 300).all()
    assert (answers["boxes"][:, 2] > answers["boxes"][:, 0]).any()


@pytest.mark.parametrize(("width", "height"), [(130, 1000), (1000, 130)])
def test_a_box_keeps_its_share_of_a_narrow_picture(width: int, height: int, trained: tuple[ResnetYolo, Path]) -> None:
    """The letterbox rounds the shorter side to whole pixels, so the two sides have scales of their own."""
    recipe, folder = trained
    left, top, inner_width, inner_height = letterboxed(Image.new("RGB", (width, height)), 96)[1]
    box = [left + inner_width / 4, top + inner_height / 4, left + inner_width * 3 / 4, top + inner_height * 3 / 4]

    def run(inputs: Mapping[str, Any]) -> list[np.ndarray]:
        scores, centers, strides = np.array([[[9.0, -9.0]]]), np.zeros((1, 2)), np.full(1, 8.0)
        return [values.astype(np.float32) for values in (np.array([[box]]), scores, centers, strides)]

    predict = recipe.onnx_predictor(recipe.settings("tiny", SHORT), folder / "checkpoint", run)
    (answers,) = predict([np.zeros((height, width, 3), dtype=np.uint8)])
    middle = np.array([width / 4, height / 4, width * 3 / 4, height * 3 / 4])
    np.testing.assert_allclose(answers["boxes"][0], middle, atol=0.01)


def test_a_file_and_its_pixels_give_the_same(predict: Predictor, trained: tuple[ResnetYolo, Path]) -> None:
    file = next((trained[1] / "data").rglob("*.png"), None) or next((trained[1] / "data").rglob("*.jpg"))
    with Image.open(file) as image:
        pixels = np.asarray(image.convert("RGB"))
    from_file, from_pixels = predict([str(file), pixels])
    assert np.array_equal(from_file["boxes"], from_pixels["boxes"])


def test_what_is_no_checkpoint_is_refused(trained: tuple[ResnetYolo, Path], tmp_path: Path) -> None:
    recipe, _ = trained
    with pytest.raises(CheckpointError, match=r"holds no state.pt; give a checkpoint directory"):
        recipe.predictor(recipe.settings("tiny", SHORT), tmp_path)


def test_a_recipe_without_a_predictor_says_so(trained: tuple[ResnetYolo, Path], tmp_path: Path) -> None:
    recipe, _ = trained
    with pytest.raises(SteadytuneError, match="recipe resnet_yolo has no predictor; implement `predictor`"):
        Recipe.predictor(recipe, recipe.settings("tiny", {}), tmp_path)


def test_the_exported_weights_load_without_running_code_and_answer_alike(
    trained: tuple[ResnetYolo, Path], tmp_path: Path
) -> None:
    from trainables.resnet_yolo.predictor import trained as of
    from trainables.resnet_yolo.training import new_detector

    recipe, folder = trained
    settings = recipe.settings("tiny", SHORT)
    assert recipe.weights(settings, folder / "checkpoint", tmp_path).keys() == {"weights.pt"}
    saved = torch.load(tmp_path / "weights.pt", weights_only=True)
    detector = new_detector(settings, len(saved["names"]))
    detector.load_state_dict(saved["model"])
    ours, names = of(settings, folder / "checkpoint")
    pixels = torch.rand(1, 3, settings.image_size, settings.image_size)
    with torch.no_grad():
        assert torch.equal(detector.eval()(pixels).logits, ours(pixels).logits)
    assert names == saved["names"]


def test_onnx_answers_as_torch_does(trained: tuple[ResnetYolo, Path], tmp_path: Path) -> None:
    recipe, folder = trained
    files = recipe.onnx(recipe.settings("tiny", SHORT), folder / "checkpoint", tmp_path)
    assert "to boxes, logits, centers, strides; largest difference from torch " in files["model.onnx"]
    picture = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    file, settings = tmp_path / "model.onnx", recipe.settings("tiny", SHORT)
    assert predicts_alike(recipe, settings, folder / "checkpoint", file, picture)


def test_frames_in_a_batch_are_answered_as_one_by_one(predict: Predictor, trained: tuple[ResnetYolo, Path]) -> None:
    recipe, folder = trained
    pictures = [
        np.random.default_rng(seed).integers(0, 255, (64, 48 + 8 * seed, 3), dtype=np.uint8) for seed in (1, 2, 3)
    ]
    together = recipe.frame_predictor(recipe.settings("tiny", SHORT), folder / "checkpoint")(pictures)
    for answer, other in zip(together, predict(pictures), strict=True):
        assert answer["labels"] == other["labels"]
        np.testing.assert_allclose(answer["boxes"], other["boxes"], atol=0.02)
