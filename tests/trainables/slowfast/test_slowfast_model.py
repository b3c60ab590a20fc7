"""slowfast's losses and metrics by hand, and the size of its model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorchvideo.models.resnet import create_resnet
from pytorchvideo.models.x3d import create_x3d

from trainables.errors import CheckpointError
from trainables.slowfast.clips import Jitter
from trainables.slowfast.losses import class_loss
from trainables.slowfast.metrics import accuracy, confusion
from trainables.slowfast.model import class_weights
from trainables.slowfast.recipe import Slowfast
from trainables.slowfast.training import new_network
from trainables.slowfast.weights import KINETICS, load_network


def test_a_focal_loss_without_gamma_is_cross_entropy_and_weights_count_by_class() -> None:
    scores, classes = torch.tensor([[2.0, 0.0], [0.5, 1.0]]), torch.tensor([0, 0])
    of = {
        kind: float(class_loss(scores, classes, kind=kind, gamma=0.0, smoothing=0.0, weights=torch.ones(2)))
        for kind in ("ce", "focal", "weighted")
    }
    assert of["focal"] == pytest.approx(of["ce"]) == of["weighted"]
    assert float(class_loss(scores, classes, kind="focal", gamma=2.0, smoothing=0.0, weights=torch.ones(2))) < of["ce"]


def test_a_model_that_always_says_the_commonest_class_is_seen_through() -> None:
    labels = np.array([0, 0, 0, 1])
    scores = np.tile([3.0, 2.0, 1.0], (4, 1))
    metrics = accuracy(scores, labels, ("a", "b", "c"))
    assert metrics == {"mean_class_accuracy": 0.5, "top1": 0.75, "top5": 1.0, "accuracy/a": 1.0, "accuracy/b": 0.0}
    assert confusion(scores, labels).tolist() == [[3, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_a_class_weighs_as_much_as_it_is_rare() -> None:
    assert class_weights(torch.tensor([6.0, 2.0, 0.0, 0.0])).tolist() == pytest.approx([8 / 24, 8 / 8, 0.0, 0.0])


def test_the_paper_model_is_as_large_as_the_documents() -> None:
    """33.7 M parameters with 14 classes: its checkpoint of 129 MB."""
    settings = Slowfast().settings("paper", {})
    with torch.device("meta"):
        model = new_network(settings, 14)
    assert sum(value.numel() for value in model.parameters()) == pytest.approx(33.7e6, rel=0.01)


def test_brightness_and_contrast_change_alike_in_all_frames_of_a_clip() -> None:
    """The same value is the same value afterwards, in a dark frame and in a bright one."""
    dark, bright = torch.full((1, 4, 4), 0.3), torch.full((1, 4, 4), 0.6)
    dark[0, 0, 0] = bright[0, 0, 0] = 0.45
    torch.manual_seed(0)
    jitter = Jitter(0.3)
    changed = [jitter(torch.stack((dark, bright))) for _ in range(50)]
    for clip in changed:
        assert float(clip[0, 0, 0, 0]) == pytest.approx(float(clip[1, 0, 0, 0]), abs=1e-6)
    spread = torch.stack([clip[:, 0, 3, 3] for clip in changed])
    assert float(spread.std(dim=0).min()) > 0.02, "it does change something"
    contrast = (spread[:, 1] - spread[:, 0]) / 0.3
    assert 0.7 * 0.7 <= float(contrast.min()) < 0.9 < 1.1 < float(contrast.max()) <= 1.3 * 1.3


@pytest.mark.parametrize(("alpha", "kernel", "millions"), [(8, 5, 34.48), (4, 7, 34.57)])
def test_the_model_is_the_one_that_the_kinetics_weights_of_its_alpha_are_of(
    alpha: int, kernel: int, millions: float
) -> None:
    """The sizes are pytorchvideo's model zoo's, with 400 classes."""
    settings = Slowfast().settings("paper", {"alpha": alpha, "fusion_kernel": kernel})
    with torch.device("meta"):
        model = new_network(settings, 400)
    assert sum(value.numel() for value in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)
    assert KINETICS[alpha, kernel].endswith({8: "SLOWFAST_4x16_R50.pyth", 4: "SLOWFAST_8x8_R50.pyth"}[alpha])


def test_the_paper_preset_has_the_documents_pathways_and_their_weights() -> None:
    """Fast at 32 frames a second, slow at 4."""
    paper = Slowfast().settings("paper", {})
    assert (paper.alpha, paper.fusion_kernel) in KINETICS
    assert (paper.alpha, paper.fusion_kernel) == (8, 5)


def test_kinetics_weights_of_another_alpha_are_refused() -> None:
    settings = Slowfast().settings("paper", {"alpha": 4})
    with torch.device("meta"):
        network = new_network(settings, 2).network
    with pytest.raises(CheckpointError, match="there are none of alpha 4 with fusion_kernel 5; set alpha 8 with"):
        load_network(network, settings)


@pytest.mark.parametrize(("training", "millions"), [("slow-only", 32.45), ("x3d", 3.79)])
def test_the_lighter_networks_are_those_that_their_kinetics_weights_are_of(training: str, millions: float) -> None:
    """The sizes are pytorchvideo's model zoo's, of SLOW_8x8_R50 and X3D_M with 400 classes."""
    settings = Slowfast().settings("paper", {}, training)
    with torch.device("meta"):
        model = new_network(settings, 400)
        built = {create.__name__: create for create in (create_resnet, create_x3d)}[model.builder](**model.arguments)
    assert sum(value.numel() for value in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)
    shapes = {name: value.shape for name, value in model.network.state_dict().items()}
    assert shapes == {name: value.shape for name, value in built.state_dict().items()}


@pytest.mark.parametrize("name", ["slow", "x3d"])
@pytest.mark.parametrize("size", [(16, 24), (40, 60)])
def test_the_lighter_networks_take_clips_of_any_size_and_give_scores(name: str, size: tuple[int, int]) -> None:
    settings = Slowfast().settings("tiny", {"model": name, "stem_width": 8, "x3d_depth": 0.5, "input_size": list(size)})
    model = new_network(settings, 3)
    scores = model(torch.rand(2, 3, settings.frames, *size))
    assert scores.shape == (2, 3)
    assert float(scores.detach().min()) < 0, "before the softmax"
    backbone, head = model.parts()
    assert len(backbone) + len(head) == len(list(model.parameters()))


def test_the_slow_pathway_alone_sees_every_alphath_frame() -> None:
    model = new_network(Slowfast().settings("tiny", {"model": "slow", "stem_width": 8}), 2).eval()
    clips = torch.rand(1, 3, 16, 16, 16)
    other = clips.clone()
    other[:, :, 1::4] = 0
    with torch.no_grad():
        assert torch.equal(model(clips), model(other))


def test_first_blocks_of_each_network_are_frozen() -> None:
    for name in ("slowfast", "slow", "x3d"):
        settings = Slowfast().settings("tiny", {"model": name, "stem_width": 8, "x3d_depth": 0.5, "freeze": 2})
        frozen = {
            weight.split(".")[2]
            for weight, value in new_network(settings, 2).named_parameters()
            if not value.requires_grad
        }
        assert frozen == {"0", "1"}
