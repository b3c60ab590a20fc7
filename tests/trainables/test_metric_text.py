"""Values of a metric as text."""

from __future__ import annotations

import math
import re

import pytest

from tests.support import REPOSITORY
from trainables.metric_text import mean_and_std_text, metric_text


@pytest.mark.parametrize("value", [0.0, 0.0001, -0.0001, 0.65432, 9.99996, -38.2, 9999.0, math.nan])
def test_ordinary_values_have_four_decimals(value: float) -> None:
    assert metric_text(value) == f"{value:.4f}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.1e-6, "3.1e-06"),
        (-3.14159e-6, "-3.142e-06"),
        (0.000099, "9.9e-05"),
        (12345.678, "12345.7"),
        (-1234567.0, "-1.23457e+06"),
        (math.inf, "inf"),
        (None, "–"),
    ],
)
def test_others_have_as_many_digits_as_tell_them_apart(value: float | None, text: str) -> None:
    assert metric_text(value) == text


def test_a_difference_has_the_decimals_of_the_values_beside_it() -> None:
    assert metric_text(2e-6, 0.6543, 0.6543, sign=True) == "+0.0000"
    assert metric_text(2e-6, 5e-6, 3e-6, sign=True) == "+2e-06"
    assert metric_text(0.25, 3e-6, 0.25) == "0.2500"
    assert metric_text(-2.5, 20000.0, None) == "-2.5"
    assert mean_and_std_text(0.6509, 1e-5) == "0.6509 ± 0.0000"
    assert mean_and_std_text(3.1e-6, 2e-7) == "3.1e-06 ± 2e-07"


def test_no_other_code_has_four_decimals_of_its_own() -> None:
    files = [path for folder in ("search", "spaces", "trainables") for path in (REPOSITORY / folder).rglob("*.py")]
    assert [path.name for path in files if re.search(r"\.4f\W", path.read_text(encoding="utf-8"))] == ["metric_text.py"]
