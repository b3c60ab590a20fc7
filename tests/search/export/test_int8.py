"""By which metric a model in int8 is compared."""

from __future__ import annotations

from search.export.int8 import compared_metric

METRICS = {"map50_95": 0.4, "map50": 0.6}


def test_int8_is_compared_by_the_sweeps_metric_where_single_pictures_give_it() -> None:
    assert compared_metric("map50", METRICS) == "map50"


def test_a_metric_of_sequences_or_a_sum_is_replaced_by_the_first() -> None:
    assert compared_metric("hota", METRICS) == "map50_95"
