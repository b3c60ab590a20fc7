"""Which cells answer for which objects, and the two schedules of the fixes report (document 002)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from trainables.resnet_yolo.losses import Target, detection_losses, match
from trainables.resnet_yolo.model import Predictions
from trainables.resnet_yolo.schedule import FLOOR, matching_iou, rate_share

CENTERS = torch.tensor([[4.0, 4.0], [12.0, 4.0], [20.0, 4.0], [28.0, 4.0]])
STRIDES = torch.full((4,), 8.0)


def boxes(*edges: tuple[float, float]) -> Tensor:
    """Boxes from x1 to x2, all of them 8 high."""
    return torch.tensor([[x1, 0.0, x2, 8.0] for x1, x2 in edges]).reshape(-1, 4)


def target(*edges: tuple[float, float]) -> Target:
    return Target(boxes(*edges), torch.zeros(len(edges), dtype=torch.long))


def matched(predicted: Tensor, objects: Target, threshold: float) -> list[int]:
    return match(predicted, objects, CENTERS, STRIDES, threshold).tolist()


class TestMatching:
    predicted = boxes((0, 16), (0, 12), (0, 4), (0, 16))

    def test_a_cell_answers_from_the_threshold_on(self) -> None:
        assert matched(self.predicted, target((0, 16)), 0.5) == [0, 0, -1, -1]
        assert matched(self.predicted, target((0, 16)), 0.8) == [0, -1, -1, -1]

    def test_a_cell_far_from_the_object_does_not_answer_however_well_it_fits(self) -> None:
        assert matched(self.predicted, target((0, 16)), 0.1)[3] == -1

    def test_the_best_cell_answers_when_none_reaches_the_threshold(self) -> None:
        assert matched(boxes((0, 5), (0, 6), (0, 4), (0, 4)), target((0, 16)), 0.9) == [-1, 0, -1, -1]

    def test_a_cell_wanted_twice_takes_the_better_fit(self) -> None:
        assert matched(boxes((0, 16), (0, 16), (8, 24), (0, 4)), target((0, 16), (8, 24)), 0.2)[1] == 0

    def test_a_picture_without_objects_matches_nothing(self) -> None:
        assert matched(self.predicted, target(), 0.0) == [-1] * 4

    def test_boxes_that_are_no_numbers_do_not_break_it(self) -> None:
        assert matched(boxes(*[(float("nan"), float("inf"))] * 4), target((0, 16)), 0.3).count(0) == 1


def losses(predicted: Tensor, scores: Tensor, **changed: float) -> list[float]:
    rules = {"threshold": 0.5, "gamma": 2.0, "box_weight": 7.5, "cls_weight": 0.5} | changed
    losses = detection_losses(Predictions(predicted[None], scores[None], CENTERS, STRIDES), [target((0, 16))], **rules)
    return [float(value) for value in losses]


class TestLosses:
    perfect = boxes((0, 16), (0, 16), (0, 4), (0, 4))
    sure = torch.tensor([[9.0], [9.0], [-9.0], [-9.0]])

    def test_perfect_boxes_and_scores_cost_nothing(self) -> None:
        assert losses(self.perfect, self.sure) == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)

    def test_the_weights_reach_the_total(self) -> None:
        """The report's root cause 6: the configured weights were ignored."""
        total, box, cls = losses(self.perfect + 1.0, -self.sure, box_weight=3.0, cls_weight=2.0)
        assert total == pytest.approx(3.0 * box + 2.0 * cls)
        assert min(box, cls) > 0

    def test_a_larger_gamma_spares_what_is_nearly_right(self) -> None:
        unsure = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]])
        spared = [losses(self.perfect, unsure, gamma=gamma)[2] for gamma in (0.0, 2.0, 2.5)]
        assert spared == sorted(spared, reverse=True)

    @pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
    def test_sure_answers_have_a_gradient_whatever_gamma_is(self, gamma: float) -> None:
        """Scores of 1 and 0 in single precision: the slope of 0 to a power below 1 is infinite."""
        scores = torch.tensor([[40.0], [40.0], [-40.0], [-200.0]], requires_grad=True)
        predictions = Predictions(self.perfect[None], scores[None], CENTERS, STRIDES)
        rules = {"threshold": 0.5, "gamma": gamma, "box_weight": 7.5, "cls_weight": 0.5}
        detection_losses(predictions, [target((0, 16))], **rules).total.backward()  # type: ignore[no-untyped-call]
        assert scores.grad is not None
        assert scores.grad.abs().max() < 1e-6

    def test_the_class_loss_is_torchvisions(self) -> None:
        logits = torch.tensor([[0.5], [-1.0], [2.0], [-3.0]])
        wanted = torch.tensor([[1.0], [1.0], [0.0], [0.0]])
        for gamma in (0.0, 1.0, 2.3):
            expected = sigmoid_focal_loss(logits, wanted, alpha=-1, gamma=gamma, reduction="sum")
            assert losses(self.perfect, logits, gamma=gamma)[2] == float(expected)

    def test_background_alone_costs_only_its_scores(self) -> None:
        predictions = Predictions(self.perfect[None], self.sure[None], CENTERS, STRIDES)
        rules = {"threshold": 0.5, "gamma": 2.0, "box_weight": 7.5, "cls_weight": 0.5}
        total, box, cls = detection_losses(predictions, [target()], **rules)
        assert box == 0
        assert total == 0.5 * cls > 0


class TestSchedules:
    def test_warmup_is_the_documents_before_and_after_its_fix(self) -> None:
        shares = [
            [rate_share(epoch, epochs=150, warmup_epochs=10, warmup_start=start) for epoch in range(1, 11)]
            for start in (0.1, 0.55)
        ]
        assert shares[0] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
        assert shares[1] == pytest.approx([0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0])

    def test_after_warmup_the_rate_falls_to_its_floor(self) -> None:
        shares = [rate_share(epoch, epochs=15, warmup_epochs=5, warmup_start=0.5) for epoch in range(5, 16)]
        assert shares == sorted(shares, reverse=True)
        assert shares[0] == 1.0
        assert shares[-1] == pytest.approx(FLOOR)

    @pytest.mark.parametrize("warmup", [0, 1, 7, 50])
    def test_every_length_of_warmup_gives_a_share(self, warmup: int) -> None:
        for epoch in range(1, 16):
            assert 0 < rate_share(epoch, epochs=15, warmup_epochs=warmup, warmup_start=0.1) <= 1

    def test_the_matching_iou_is_the_documents(self) -> None:
        assert [
            matching_iou(epoch, start=0.25, end=0.45, ramp_epochs=30) for epoch in (1, 16, 31, 150)
        ] == pytest.approx([0.25, 0.35, 0.45, 0.45])
