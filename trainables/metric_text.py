"""Values of a metric as text for people: in tables, sentences, figures and exported files."""

from __future__ import annotations

SMALLEST, LARGEST = 1e-4, 1e4
"""Four decimals say enough of values from `SMALLEST` to below `LARGEST`, and of zero."""


def metric_text(value: float | None, *beside: float | None, sign: bool = False) -> str:
    """A value of a metric with four decimals, a tiny or a large one with as many digits as tell it from others.

    >>> metric_text(0.65432), metric_text(3.14159e-6), metric_text(123456.7), metric_text(None)
    ('0.6543', '3.142e-06', '123457', '–')
    >>> metric_text(2e-6, 0.65432, 0.65432), metric_text(2e-6, 3e-6, 5e-6, sign=True)
    ('0.0000', '+2e-06')

    Args:
        value: of the metric, or a difference or a standard deviation of such values; None is a dash.
        beside: for a difference or a deviation: the values that it belongs to, whose size decides about decimals.
        sign: write the sign of a positive number, too.
    """
    if value is None:
        return "–"
    size = max((abs(other) for other in beside if other is not None), default=abs(value))
    if 0 < size < SMALLEST:
        digits = ".4g"
    elif size >= LARGEST:
        digits = ".6g"
    else:
        digits = ".4f"
    return format(value, f"+{digits}" if sign else digits)


def mean_and_std_text(mean: float, std: float) -> str:
    """A mean and its standard deviation, such as "0.6509 ± 0.0017"."""
    return f"{metric_text(mean)} ± {metric_text(std, mean)}"
