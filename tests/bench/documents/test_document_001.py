"""Document 001's analysis, on the numbers of a curve that is easily checked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.documents.document_001 import analysis, variation
from trainables.recipe import Epoch


def epoch(number: int, phase: str, loss: float) -> Epoch:
    def save(directory: Path) -> None:
        raise AssertionError("nobody saves")

    return Epoch(number, phase, {}, {"train": loss}, {}, {}, save)


CURVE = [epoch(1, "warmup", 10.0), epoch(2, "main", 5.0), epoch(3, "main", 4.0), epoch(4, "finetune", 3.0)]


def test_each_phase_has_its_change_mean_and_variation() -> None:
    lines = analysis(CURVE).splitlines()
    assert "| warmup | 1–1 | 10.00 → 10.00 | +0.0% | 10.00 ± 0.00 | 0.00% |" in lines
    assert "| main | 2–3 | 5.00 → 4.00 | -20.0% | 4.50 ± 0.71 | 15.71% |" in lines


def test_the_whole_is_told_with_and_without_warm_up() -> None:
    assert "Loss 10.00 → 3.00 (-70.0%), CV 56.53%; after warm-up 25.00%" in analysis(CURVE)


def test_the_five_best_epochs_are_ranked_by_loss() -> None:
    many = [epoch(number, "main", 10.0 - number) for number in range(1, 8)]
    lines = analysis(many).splitlines()
    assert lines[-5] == "| 1 | 7 | 3.000 | main |"
    assert lines[-1] == "| 5 | 3 | 7.000 | main |"


def test_a_single_loss_does_not_vary() -> None:
    assert variation([3.0]) == 0.0
    assert variation([1.0, 3.0]) == pytest.approx(2**0.5 / 2)
