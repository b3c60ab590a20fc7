"""The trained RGBT detector on pairs of any size, and its weights in Ultralytics itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.onnx_files import predicts_alike
from trainables.errors import DataError
from trainables.rgbt.data import RgbtData, open_rgbt
from trainables.rgbt.recipe import Rgbt
from trainables.samples.thermal_pairs import write_rgbt
from trainables.ultralytics_import import isolated
from trainables.vision.average_precision import average_precision

pytestmark = pytest.mark.e2e  # trains

SHORT: dict[str, Any] = {"epochs": 1, "image_size": 64, "batch": 4, "warmup_epochs": 0}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> RgbtData:
    return open_rgbt(write_rgbt(tmp_path_factory.mktemp("pairs") / "pairs", train=8, val=4, size=80))


class Trained:
    """One epoch with the settings `changes`."""

    def __init__(self, data: RgbtData, folder: Path, **changes: Any) -> None:
        self.recipe, self.data, self.folder = Rgbt(), data, folder
        self.settings: Any = Rgbt().settings("tiny", SHORT | changes)
        for epoch in self.recipe.train(self.settings, data, folder):
            epoch.save(folder)

    def found_by_evaluation(self, patch: pytest.MonkeyPatch) -> list[Any]:
        """The detections that the first metric is computed from: those of all pairs."""
        import trainables.rgbt.evaluation as module
        from trainables.loop import read
        from trainables.rgbt.training import RgbtTraining

        seen: list[Any] = []

        def scored(truth: Any, detected: Any, names: Any) -> Any:
            seen.append(detected)
            return average_precision(truth, detected, names)

        patch.setattr(module, "average_precision", scored)
        training = RgbtTraining(self.settings, self.data)
        training.load_state(read(self.folder)["training"])
        training.evaluate(1)
        return list(seen[0])


@pytest.fixture(scope="module")
def trained(data: RgbtData, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(data, tmp_path_factory.mktemp("concat"))


@pytest.fixture(scope="module", params=["concat", "gated", "attention", "two-stream", "rgb", "clahe"])
def trained_model(request: pytest.FixtureRequest, data: RgbtData, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    changes: dict[str, dict[str, Any]] = {
        "gated": {"fusion": "gated"},
        "attention": {"fusion": "attention"},
        "two-stream": {"fusion": "two-stream", "modality": "rgb"},
        "rgb": {"modality": "rgb"},
        "clahe": {"thermal_clahe": True},
    }
    return Trained(data, tmp_path_factory.mktemp(request.param), **changes.get(request.param, {}))


def test_it_finds_in_files_and_arrays_what_the_evaluation_finds(
    trained_model: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cv2

    files = [(sample.rgb, sample.thermal) for sample in trained_model.data.val.samples]
    arrays = []
    for rgb, thermal in files:
        colours = np.asarray(cv2.imread(str(rgb)))[..., ::-1]
        arrays.append(np.dstack((colours, np.asarray(cv2.imread(str(thermal), cv2.IMREAD_GRAYSCALE)))))
    predict = trained_model.recipe.predictor(trained_model.settings, trained_model.folder)
    expected = trained_model.found_by_evaluation(monkeypatch)
    assert sum(len(detections.scores) for detections in expected) > 10
    for images in (files, arrays):
        for ours, theirs in zip(predict(images), expected, strict=True):
            assert ours["boxes"] == pytest.approx((theirs.boxes * 80 / 64).clip(0, 80), abs=1e-3)
            assert ours["scores"] == pytest.approx(theirs.scores, abs=1e-4)
            assert ours["labels"] == [trained_model.data.names[int(index)] for index in theirs.classes]


@pytest.mark.parametrize("shape", [(40, 100), (101, 37), (20, 20)])
def test_a_pair_of_any_shape_is_padded_as_for_the_evaluation(
    shape: tuple[int, int], trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Boxes go back by Ultralytics' own formula, which rounds the scaled sides; ours knows them."""
    import cv2
    from ultralytics.utils.ops import scale_boxes

    from trainables.rgbt.data import Pair, Pairs
    from trainables.vision.image_cache import ImageCache

    random = np.random.default_rng(0)
    rgb, thermal = tmp_path / "rgb.png", tmp_path / "thermal.png"
    cv2.imwrite(str(rgb), random.integers(0, 255, (*shape, 3), dtype=np.uint8))
    cv2.imwrite(str(thermal), random.integers(0, 255, shape, dtype=np.uint8))
    labels = np.array([[0, 0.5, 0.5, 0.5, 0.5]], dtype=np.float32)
    pairs = Pairs([Pair(rgb, thermal, labels, "", shape[1], shape[0])], ImageCache(10**9))
    odd = RgbtData(trained.data.names, trained.data.train, pairs, trained.data.manifest)
    monkeypatch.setattr(trained, "data", odd)
    (theirs,) = trained.found_by_evaluation(monkeypatch)
    (ours,) = trained.recipe.predictor(trained.settings, trained.folder)([(rgb, thermal)])
    assert len(theirs.scores) > 0
    assert ours["scores"] == pytest.approx(theirs.scores, abs=1e-4)
    boxes = scale_boxes((64, 64), torch.from_numpy(theirs.boxes.copy()), shape).numpy()
    assert ours["boxes"] == pytest.approx(boxes, abs=max(shape) / 64)


ALONE = """
import sys, numpy as np, torch
from ultralytics import YOLO
model = YOLO(sys.argv[1])
assert not [name for name in sys.modules if name.startswith("trainables")]
planes = np.load(sys.argv[2])
model.predict(planes, imgsz=64, conf=0.001, device="cpu", verbose=False)
model = YOLO(sys.argv[1]).model.eval()
batch = torch.from_numpy(planes.transpose(2, 0, 1).copy())[None].float() / 255
with torch.no_grad():
    np.save(sys.argv[3], model(batch)[0].numpy())
"""


def test_ultralytics_alone_loads_the_exported_weights_and_answers_alike(trained_model: Trained, tmp_path: Path) -> None:
    written = trained_model.recipe.weights(trained_model.settings, trained_model.folder, tmp_path)
    if trained_model.settings.fusion in ("gated", "attention"):
        assert written.keys() == {"weights_state.pt"}
        saved = torch.load(tmp_path / "weights_state.pt", weights_only=True)
        assert any(name.startswith(("model.0.gate.", "model.0.attention.")) for name in saved["model"])
        assert saved["names"] == list(trained_model.data.names)
        return
    assert written.keys() == {"weights.pt"}
    planes = np.random.default_rng(1).integers(0, 255, (64, 64, 4), dtype=np.uint8)
    np.save(tmp_path / "planes.npy", planes)
    command = [sys.executable, "-c", ALONE, "weights.pt", "planes.npy", "found.npy"]
    with isolated(tmp_path):
        subprocess.run(command, cwd=tmp_path, check=True)
    from trainables.rgbt.evaluation import blank_thermal
    from trainables.rgbt.predictor import trained

    model, _ = trained(trained_model.settings, trained_model.folder)
    batch = torch.from_numpy(planes.transpose(2, 0, 1).copy())[None].float() / 255
    with torch.no_grad():
        ours = model(blank_thermal(batch) if trained_model.settings.modality == "rgb" else batch)[0]
    assert np.load(tmp_path / "found.npy") == pytest.approx(ours.numpy(), abs=1e-4)


def test_pairs_that_are_none_are_refused_in_a_sentence(trained: Trained) -> None:
    predict = trained.recipe.predictor(trained.settings, trained.folder)
    colours, thermal = np.zeros((8, 8, 3), dtype=np.uint8), np.zeros((8, 8), dtype=np.uint8)
    with pytest.raises(DataError, match=r"shape \(8, 8, 3\) and type uint8; it must be \(height, width, 4\)"):
        predict([colours])
    with pytest.raises(DataError, match="must be registered, so of one size"):
        predict([(colours, thermal[:4])])
    with pytest.raises(DataError, match="a pair is a str; it must be an array"):
        predict(["picture.png"])
    with pytest.raises(DataError, match=r"a thermal picture has shape \(8, 8, 3\)"):
        predict([(colours, colours)])


def test_onnx_answers_as_torch_does_with_a_gate_and_blind_to_thermal_too(
    trained_model: Trained, tmp_path: Path
) -> None:
    (line,) = trained_model.recipe.onnx(trained_model.settings, trained_model.folder, tmp_path).values()
    assert line.startswith("images (1, 4, 64, 64) to boxes, scores; largest difference from torch ")
    pair = np.random.default_rng(0).integers(0, 255, (50, 70, 4), dtype=np.uint8)
    assert predicts_alike(
        trained_model.recipe, trained_model.settings, trained_model.folder, tmp_path / "model.onnx", pair
    )
