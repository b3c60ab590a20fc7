"""What a chart shows."""

from __future__ import annotations

from search.views.charts.chart import Chart, Panel, Parallel


def panels(chart: Chart) -> tuple[Panel, ...]:
    """The panels of a chart that has some."""
    assert not isinstance(chart.body, Parallel)
    return chart.body
