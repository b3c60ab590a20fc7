"""The losses of the RefDet few-shot guide (document 003), by their papers and by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn.functional import normalize

from trainables.refdet.episodes import episode_size
from trainables.refdet.recipe import Refdet
from trainables.ultralytics_import import isolated


@pytest.fixture(scope="module")
def losses(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with isolated(tmp_path_factory.mktemp("ultralytics")):
        import trainables.refdet.losses as module
    return module


def boxes(*rows: tuple[float, float, float, float]) -> torch.Tensor:
    return torch.tensor(rows)


class TestWiseIou:
    def test_of_the_right_box_is_nothing(self, losses: Any) -> None:
        right = boxes((0, 0, 4, 4))
        assert losses.WiseIou()(right, right).item() == pytest.approx(0.0, abs=1e-6)

    def test_is_the_papers_formula(self, losses: Any) -> None:
        wise = losses.WiseIou().eval()
        wise.mean.fill_(0.5)
        loss = wise(boxes((0, 0, 2, 2)), boxes((1, 0, 3, 2))).item()
        iou_loss = 1 - 2 / 6
        beta = iou_loss / 0.5
        expected = beta / (3 * 1.9 ** (beta - 3)) * math.exp(1 / (9 + 4)) * iou_loss
        assert loss == pytest.approx(expected, rel=1e-5)

    def test_keeps_a_running_mean_in_training_alone(self, losses: Any) -> None:
        wise = losses.WiseIou()
        wise(boxes((0, 0, 2, 2)), boxes((1, 0, 3, 2)))
        assert wise.mean.item() == pytest.approx(1 + 0.01 * (2 / 3 - 1))
        before = wise.eval().mean.item()
        wise(boxes((0, 0, 2, 2)), boxes((9, 9, 12, 12)))
        assert wise.mean.item() == before


class TestContrast:
    def test_is_the_papers_formula(self, losses: Any) -> None:
        vectors = normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(1)), dim=1)
        classes = [0, 1, 0, 1, 2]
        loss = losses.supervised_contrast(vectors, torch.tensor(classes)).item()
        terms = []
        for i in range(5):
            positives = [p for p in range(5) if p != i and classes[p] == classes[i]]
            below = sum(math.exp(float(vectors[i] @ vectors[a]) / 0.1) for a in range(5) if a != i)
            if positives:
                logs = [math.log(math.exp(float(vectors[i] @ vectors[p]) / 0.1) / below) for p in positives]
                terms.append(-sum(logs) / len(positives))
        assert loss == pytest.approx(sum(terms) / len(terms), rel=1e-4)

    def test_of_strangers_is_nothing(self, losses: Any) -> None:
        assert losses.supervised_contrast(torch.eye(3), torch.tensor([0, 1, 2])).item() == 0


def output(vectors: torch.Tensor, references: torch.Tensor) -> Any:
    """Four places of 8 pixels in a row, each of whose boxes is 8 pixels wide (0.5 strides to each side)."""
    from trainables.refdet.model import BINS, Output

    frames, patches = vectors.shape[:2]
    sides = torch.full((frames, patches, 4, BINS), -50.0)
    sides[..., 0] = sides[..., 1] = 0.0  # half at 0, half at 1
    points = torch.stack((torch.arange(patches) + 0.5, torch.full((patches,), 0.5)), dim=1)
    logits = torch.zeros(frames, patches)
    return Output(logits, sides.flatten(2), vectors, references, points, torch.full((patches, 1), 8.0))


class TestProposals:
    def test_that_fit_their_object_are_drawn_together(self, losses: Any) -> None:
        vectors = normalize(torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(2)), dim=2)
        answer = output(vectors, vectors[:, 0])
        foreground = torch.tensor([[True, True, False, False], [True, False, True, False]])
        targets = (answer.boxes * 8).clone()
        targets[1, 2] += 6  # this one is too far off to count
        detection = losses.Detection(*[torch.zeros(())] * 3, foreground, targets)
        expected = losses.supervised_contrast(
            torch.stack((vectors[0, 0], vectors[0, 1], vectors[1, 0])), torch.tensor([0, 0, 1])
        )
        assert losses.proposal_contrast(answer, detection, torch.tensor([0, 1])).item() == pytest.approx(
            expected.item()
        )


class TestTriplets:
    def test_are_told_from_the_most_alike_place_outside_the_object(self, losses: Any) -> None:
        vectors = torch.eye(8)[None, :4].clone()
        vectors[0, 0] = torch.eye(8)[7]  # inside the object, so it does not count
        vectors[0, 2] = normalize(torch.eye(8)[7] + torch.eye(8)[2], dim=0)
        answer = output(vectors, torch.eye(8)[7:8])
        objects = [boxes((0, 0, 8, 8))]
        assert torch.equal(losses.background_vectors(answer, objects, torch.tensor([0]))[0], vectors[0, 2])

    def test_or_from_the_most_alike_object_of_another_class(self, losses: Any) -> None:
        vectors = normalize(torch.tensor([[1.0, 0], [1, 0.1], [0.5, 1]]), dim=1)
        chosen = losses.other_vectors(vectors, torch.tensor([0, 0, 1]), vectors)
        assert torch.equal(chosen, vectors[[2, 2, 1]])


@pytest.mark.parametrize(
    ("epoch", "size"), [(1, (2, 4)), (30, (2, 4)), (31, (3, 6)), (60, (3, 6)), (61, (4, 8)), (100, (4, 8))]
)
def test_the_curriculum_is_document_003s(epoch: int, size: tuple[int, int]) -> None:
    settings = Refdet().settings("paper", {"curriculum": True, "n_way": 4, "n_query": 8})
    assert episode_size(epoch, settings) == size
