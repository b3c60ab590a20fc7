"""The losses of class scores."""

from __future__ import annotations

import pytest
import torch

from trainables.slowfast.losses import class_loss


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_sure_answers_have_a_gradient_whatever_gamma_is(gamma: float, smoothing: float) -> None:
    """A clip whose probability rounds to 1: the slope of 0 to a power below 1 is infinite."""
    scores = torch.tensor([[60.0, 0.0, 0.0], [1.0, 0.5, 0.0]], requires_grad=True)
    classes, weights = torch.tensor([0, 1]), torch.ones(3)
    loss = class_loss(scores, classes, kind="focal", gamma=gamma, smoothing=smoothing, weights=weights)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.isfinite()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
