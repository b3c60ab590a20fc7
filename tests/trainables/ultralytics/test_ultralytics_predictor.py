"""The trained model for inference, built again from what a checkpoint holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.small_models import write_models
from trainables.errors import DataError
from trainables.loop import STATE
from trainables.recipe import Predictor
from trainables.ultralytics.recipe import Ultralytics
from trainables.ultralytics_import import isolated

RECIPE = Ultralytics()


def predictor_of(planes: int, folder: Path, **arguments: Any) -> Predictor:
    """Of a small detector whose pictures have so many planes, with random weights, trained with `arguments`."""
    model = write_models(folder / "models")["detect"]
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir(parents=True)
    with isolated(folder):
        from ultralytics.nn.tasks import DetectionModel

        from trainables.ultralytics.state import network_of

        detector = DetectionModel(model, ch=planes, nc=2, verbose=False)
        detector.names = {0: "3", 1: "7"}
        state = {"network": network_of(detector, "detect"), "ema": detector.state_dict()}
    state |= {"arguments": {"imgsz": 64, "task": "detect"} | arguments, "metrics": {}, "results": ""}
    torch.save({"epoch": 1, "identity": "ultralytics", "training": {"sets": {"data": state}}}, checkpoint / STATE)
    return RECIPE.predictor(RECIPE.settings("tiny", {"model": model}), checkpoint)


def test_a_model_of_grey_pictures_takes_any_picture(tmp_path: Path) -> None:
    grey = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    of_file, of_array = predictor_of(1, tmp_path)([tmp_path / "grey.png", np.dstack([grey] * 3)])
    assert len(of_file["scores"]) > 0
    assert np.array_equal(of_file["scores"], of_array["scores"])


def test_a_model_of_four_planes_takes_files_and_arrays_of_four(tmp_path: Path) -> None:
    planes = np.random.default_rng(0).integers(0, 256, (64, 64, 4), dtype=np.uint8)
    Image.fromarray(planes[..., [2, 1, 0, 3]], "RGBA").save(tmp_path / "four.png")
    predict = predictor_of(4, tmp_path)
    of_file, of_array = predict([tmp_path / "four.png", planes])
    assert len(of_file["scores"]) > 0
    assert np.array_equal(of_file["scores"], of_array["scores"])
    Image.fromarray(planes[..., :3]).save(tmp_path / "three.png")
    with pytest.raises(DataError, match=r"three\.png: is an image of the shape .*; it must be \(height, width, 4\)"):
        predict([tmp_path / "three.png"])


def test_boxes_are_chosen_as_in_the_evaluation(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    (usual,) = predictor_of(3, tmp_path / "usual")([picture])
    (few,) = predictor_of(3, tmp_path / "few", max_det=5)([picture])
    assert len(usual["scores"]) > len(few["scores"]) == 5
