"""The trained few-shot detector on a frame and references of what is sought in it, and its plain weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.onnx_files import predicts_alike
from trainables.errors import DataError
from trainables.refdet.data import RefdetData, open_refdet
from trainables.refdet.recipe import Refdet
from trainables.samples.reference_videos import write_refdet
from trainables.vision.average_precision import average_precision

pytestmark = pytest.mark.e2e  # trains

SHORT: dict[str, Any] = {
    **{"epochs": 1, "image_size": 64, "n_way": 2, "n_query": 1, "n_episodes": 2, "reference_size": 28},
    **{"reference_weights": "none", "embedding": 16, "n_reference": 2},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> RefdetData:
    return open_refdet(write_refdet(tmp_path_factory.mktemp("v") / "v", train=3, test=2, frames=8, size=96))


@pytest.fixture(scope="module")
def settings() -> Any:
    return Refdet().settings("tiny", SHORT)


@pytest.fixture(scope="module")
def checkpoint(data: RefdetData, settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one epoch."""
    folder = tmp_path_factory.mktemp("refdet")
    for epoch in Refdet().train(settings, data, folder):
        epoch.save(folder)
    return folder


def found_by_evaluation(data: RefdetData, settings: Any, checkpoint: Path, patch: pytest.MonkeyPatch) -> list[Any]:
    """The detections that the metric is computed from, in the pixels of the scaled frame."""
    import trainables.refdet.evaluation as module
    from trainables.loop import read
    from trainables.refdet.training import RefdetTraining

    seen: list[Any] = []

    def scored(truth: Any, detected: Any, names: Any) -> Any:
        seen.append(detected)
        return average_precision(truth, detected, names)

    patch.setattr(module, "average_precision", scored)
    training = RefdetTraining(settings, data)
    training.load_state(read(checkpoint)["training"])
    training.evaluate(1)
    return list(seen[0])


def decoded(path: Path) -> list[Any]:
    import av

    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_it_finds_what_the_evaluation_finds(
    data: RefdetData, settings: Any, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = []
    for clip in data.val:
        frames = decoded(clip.video)
        images += [{"frame": frames[number], "references": clip.references[:2]} for number in clip.frames]
    side = max(images[0]["frame"].shape[:2])
    answers = Refdet().predictor(settings, checkpoint)(images)
    expected = found_by_evaluation(data, settings, checkpoint, monkeypatch)
    assert sum(len(detections.scores) for detections in expected) > 5
    for ours, theirs in zip(answers, expected, strict=True):
        assert ours["boxes"] == pytest.approx((theirs.boxes * side / 64).clip(0, side), abs=1e-3)
        assert ours["scores"] == pytest.approx(theirs.scores, abs=1e-4)
        assert ours["labels"] == ["object"] * len(theirs.scores)


def test_boxes_lie_in_a_wide_frame_and_the_references_decide(settings: Any, checkpoint: Path) -> None:
    predict = Refdet().predictor(settings, checkpoint)
    random = np.random.default_rng(0)
    frame = random.integers(0, 255, (50, 200, 3), dtype=np.uint8)
    dark, noise = np.zeros((30, 20, 3), dtype=np.uint8), random.integers(0, 255, (9, 9, 3), dtype=np.uint8)
    dark_answer, other = predict(
        [{"frame": frame, "references": [dark]}, {"frame": frame, "references": [noise, noise]}]
    )
    assert (dark_answer["boxes"] >= 0).all()
    assert (dark_answer["boxes"][:, [0, 2]] <= 200).all()
    assert (dark_answer["boxes"][:, [1, 3]] <= 50).all()
    assert dark_answer["scores"].shape != other["scores"].shape or (dark_answer["scores"] != other["scores"]).any()


def test_the_exported_weights_are_a_state_dict_that_answers_alike(
    settings: Any, checkpoint: Path, tmp_path: Path
) -> None:
    assert Refdet().weights(settings, checkpoint, tmp_path).keys() == {"weights.pt"}
    from trainables.refdet.model import Refdet as Model
    from trainables.refdet.model import query_backbone, reference_encoder
    from trainables.refdet.predictor import trained

    model = Model(settings, reference_encoder(settings), query_backbone(settings.width)).eval()
    model.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True)["model"])
    frames, references = torch.rand(1, 3, 64, 64), torch.rand(1, 2, 3, 28, 28)
    with torch.no_grad():
        ours, theirs = trained(settings, checkpoint)(frames, references), model(frames, references)
    assert torch.equal(ours.logits, theirs.logits)
    assert torch.equal(ours.boxes, theirs.boxes)


def test_what_is_no_search_is_refused_in_a_sentence(settings: Any, checkpoint: Path) -> None:
    predict = Refdet().predictor(settings, checkpoint)
    frame = np.zeros((8, 8, 3), dtype=np.uint8)
    with pytest.raises(DataError, match="a picture is ndarray; it must be a mapping of frame, the picture to search"):
        predict([frame])
    with pytest.raises(DataError, match="references is empty; give at least one picture"):
        predict([{"frame": frame, "references": []}])


def test_onnx_takes_a_frame_and_references_and_answers_as_torch_does(
    settings: Any, checkpoint: Path, tmp_path: Path
) -> None:
    (line,) = Refdet().onnx(settings, checkpoint, tmp_path).values()
    assert line.startswith("frames (1, 3, 64, 64) and references (1, 2, 3, 28, 28) to boxes, scores; ")
    frame, reference = np.random.default_rng(0).integers(0, 255, (2, 50, 70, 3), dtype=np.uint8)
    given = {"frame": frame, "references": [reference]}
    assert predicts_alike(Refdet(), settings, checkpoint, tmp_path / "model.onnx", given), "one reference, twice"
