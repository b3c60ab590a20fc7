"""The detector's shapes, its decoding, and where its first weights come from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from trainables.errors import CheckpointError
from trainables.resnet_yolo.model import Backbone, Detector, _decode
from trainables.resnet_yolo.weights import load_backbone

PAPER = ((64, 128, 256, 512), (2, 2, 2, 2))


def detector(**changed: Any) -> Detector:
    sizes: dict[str, Any] = {"widths": (8, 8, 16, 16), "blocks": (1, 1, 1, 1), "neck_channels": 8}
    return Detector(2, **sizes | {"dropout": 0.0, "clamp": True, "norm_momentum": 0.1} | changed)


def test_the_paper_backbone_is_torchvisions_resnet18_without_its_classifier() -> None:
    theirs = {name: value.shape for name, value in torchvision.models.resnet18(weights=None).state_dict().items()}
    ours = {name: value.shape for name, value in Backbone(*PAPER).state_dict().items()}
    assert ours == {name: shape for name, shape in theirs.items() if not name.startswith("fc.")}


def test_it_computes_what_torchvisions_does() -> None:
    theirs = torchvision.models.resnet18(weights=None).eval()
    ours = Backbone(*PAPER).eval()
    ours.load_state_dict({name: value for name, value in theirs.state_dict().items() if not name.startswith("fc.")})
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        pooled = ours(images)["p5"].mean(dim=(2, 3))
        assert torch.allclose(theirs.fc(pooled), theirs(images), atol=1e-5)


def test_it_predicts_for_each_cell_of_strides_8_16_and_32() -> None:
    predictions = detector()(torch.rand(2, 3, 64, 96))
    cells = 8 * 12 + 4 * 6 + 2 * 3
    assert predictions.boxes.shape == (2, cells, 4)
    assert predictions.logits.shape == (2, cells, 2)
    assert predictions.centers[0].tolist() == [4.0, 4.0]
    assert predictions.centers[-1].tolist() == [80.0, 48.0]
    assert predictions.strides.unique().tolist() == [8.0, 16.0, 32.0]


def test_before_training_every_score_is_about_a_hundredth_and_every_box_three_strides_wide() -> None:
    torch.manual_seed(0)  # of some seeds in a thousand the mean of so small a detector is further off
    predictions = detector().eval()(torch.rand(1, 3, 64, 64))
    assert predictions.logits.sigmoid().mean().item() == pytest.approx(0.01, rel=0.2)
    width = (predictions.boxes[..., 2] - predictions.boxes[..., 0]) / predictions.strides
    assert width.mean().item() == pytest.approx(3.0, rel=0.2)


@pytest.mark.parametrize(
    ("tw", "strides_wide"), [(0.0, 1.0), (4.0, math.exp(4)), (10.0, math.exp(4)), (-10.0, math.exp(-4))]
)
def test_the_clamp_holds_sides_between_0_018_and_54_6_strides(tw: float, strides_wide: float) -> None:
    box = _decode(torch.tensor([[[0.0, 0.0, tw, 0.0]]]), torch.tensor([[4.0, 4.0]]), torch.tensor([8.0]), clamp=True)
    x1, y1, x2, y2 = box[0, 0].tolist()
    assert x2 - x1 == pytest.approx(8 * strides_wide, rel=1e-4)
    assert (y1, y2) == (0.0, 8.0)


def test_without_the_clamp_a_side_of_ten_is_22026_strides() -> None:
    box = _decode(torch.tensor([[[0.0, 0.0, 10.0, 0.0]]]), torch.tensor([[4.0, 4.0]]), torch.tensor([8.0]), clamp=False)
    assert (box[0, 0, 2] - box[0, 0, 0]).item() / 8 == pytest.approx(22026, rel=1e-3)


def test_every_batch_norm_has_the_momentum_asked_for() -> None:
    norms = [module for module in detector(norm_momentum=0.25).modules() if isinstance(module, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.25}


class TestWeights:
    def test_of_torchvision_load_from_a_file(self, tmp_path: Path) -> None:
        state = torchvision.models.resnet18(weights=None).state_dict()
        torch.save(state, tmp_path / "resnet18.pth")
        backbone = Backbone(*PAPER)
        load_backbone(backbone, str(tmp_path / "resnet18.pth"))
        assert torch.equal(backbone.state_dict()["layer4.1.conv2.weight"], state["layer4.1.conv2.weight"])

    def test_that_are_not_there_are_never_replaced_by_random_ones(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=r"no such file.*https://download\.pytorch\.org/models/resnet18"):
            load_backbone(Backbone(*PAPER), str(tmp_path / "missing.pth"))

    def test_of_another_size_are_refused_by_name(self, tmp_path: Path) -> None:
        torch.save(Backbone((8, 8, 16, 16), (1, 1, 1, 1)).state_dict(), tmp_path / "small.pth")
        with pytest.raises(CheckpointError, match=r"bn1\.bias is \(8,\), but the model has \(64,\)"):
            load_backbone(Backbone(*PAPER), str(tmp_path / "small.pth"))

    @pytest.mark.parametrize("content", [b"", b"not a state dict"])
    def test_that_cannot_be_read_are_refused(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "broken.pth").write_bytes(content)
        with pytest.raises(CheckpointError, match="cannot be read"):
            load_backbone(Backbone(*PAPER), str(tmp_path / "broken.pth"))

    def test_that_cannot_be_downloaded_say_what_to_fetch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_network(*_: object, **__: object) -> None:
            raise OSError("no route to host")

        monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
        monkeypatch.setattr(torch.hub, "get_dir", lambda: "/nonexistent")
        monkeypatch.setattr("os.makedirs", lambda *_, **__: None)
        with pytest.raises(
            CheckpointError, match=r"resnet18-.*\.pth cannot be downloaded \(no route to host\); fetch it"
        ):
            load_backbone(Backbone(*PAPER), "torchvision")
