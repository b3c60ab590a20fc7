"""The focusing factor of focal losses (Lin et al. 2017), whose gradient is a number for every exponent."""

from __future__ import annotations

from torch import Tensor

LEAST = 1e-8
"""What takes the place of 0. Single precision has no number between 0 and 6e-8 that lacks to 1."""


def focus(right: Tensor, gamma: float) -> Tensor:
    """(1 - `right`) ** `gamma`, where `right` is the probability of the right answer, of any shape.

    A probability that rounds to 1 would have an infinite slope at exponents below 1, and its product with a loss of 0
    would be no number: one sure answer in a batch would end the training.
    """
    return (1 - right).clamp(min=LEAST) ** gamma
