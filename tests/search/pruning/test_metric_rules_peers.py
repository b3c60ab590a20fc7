"""A metric that is next to nothing beside the peers' ends a run once, when it has had its time and its warm-up."""

from __future__ import annotations

from search.pruning.curve import Curve, Point
from search.pruning.decision import Decision
from search.pruning.peers import median_of_peers
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import verdict
from trainables.settings import parse


def reason(decision: Decision | None) -> str | None:
    return decision.reason if decision else None


def beside(
    value: float, median: float | None, epochs: int = 50, warm_up: int = 0, max_epochs: int = 100, **fields: object
) -> Decision | None:
    points = [
        Point(epoch, value, 1.0, None, "warmup" if epoch <= warm_up else "main") for epoch in range(1, 1 + epochs)
    ]
    settings = parse(StabilitySettings, fields, "stability")
    return verdict(Curve("max", points), max_epochs, settings, peers=lambda epoch: median)


def test_a_metric_below_a_quarter_of_its_peers_in_half_of_the_epochs_collapsed() -> None:
    decision = beside(0.049, 0.2)
    assert reason(decision) == "collapsed"
    assert decision is not None
    assert "never above 0.0490 in 50 of 100 epochs, less than 25% of the peers' median 0.2000" in decision.detail
    assert decision.numbers == {"highest": 0.049, "median": 0.2, "share": 0.25, "epochs": 50}


def test_who_has_a_quarter_or_no_peers_or_a_user_who_wants_it_so_goes_on() -> None:
    assert beside(0.051, 0.2) is None
    assert beside(0.049, None) is None
    assert beside(0.049, 0.2, collapse_share=0) is None
    assert beside(0.049, 0.2, collapse_after=0.51) is None


def test_with_its_peers_a_metric_is_compared_once() -> None:
    assert beside(0.049, 0.2, epochs=49) is None
    assert beside(0.049, 0.2, epochs=51) is None


def test_who_warms_up_for_longer_is_compared_with_its_peers_after_five_epochs_more() -> None:
    assert beside(0.049, 0.2, epochs=64, warm_up=60) is None
    assert reason(beside(0.049, 0.2, epochs=65, warm_up=60)) == "collapsed"
    assert beside(0.049, 0.2, epochs=66, warm_up=60) is None


def test_in_a_short_training_ten_epochs_are_waited_for() -> None:
    assert beside(0.049, 0.2, epochs=9, max_epochs=12) is None
    assert reason(beside(0.049, 0.2, epochs=10, max_epochs=12)) == "collapsed"
    assert beside(0.049, 0.2, epochs=11, max_epochs=12) is None


def test_two_peers_are_no_measure() -> None:
    assert median_of_peers([0.1, None, 0.3]) is None
    assert median_of_peers([0.1, None, 0.3, 0.2]) == 0.2
