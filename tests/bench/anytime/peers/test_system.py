"""What a peer is asked and told, and what of a training it pays for."""

from __future__ import annotations

from typing import Any

import pytest

from search.pruning.curve import Point
from tests.bench.anytime.peers.rows import Rows
from tests.bench.anytime.peers.system import Peer, described
from tests.bench.own.compare import HERE as OWN
from tests.bench.own.recorded import load
from tests.bench.own.systems import run
from tests.bench.public.groups import Group

LONG = tuple(Point(epoch, epoch / 10, 1.0) for epoch in range(1, 6))
LOST = (Point(1, 0.3, 1.0), Point(2, None, None))
GROUP = Group("two", "two", 5, (LONG, LOST), (0.5, 0.3))


class Told:
    """A peer that asks for what it is given, ends each training there, and keeps what it was told."""

    def __init__(self, *asked: tuple[int, int]) -> None:
        self._asked = list(asked)
        self._epochs: dict[int, int] = {}
        self.told: list[tuple[int, int, float, bool]] = []

    def __call__(self, question: dict[str, Any]) -> Any:
        if "ask" in question:
            if not self._asked:
                return None
            row, self._epochs[question["ask"]] = self._asked.pop(0)
            return {"row": row, "epochs": self._epochs[question["ask"]]}
        self.told.append((question["tell"], question["epoch"], question["value"], question["over"]))
        return question["epoch"] < self._epochs[question["tell"]]


def test_a_training_goes_on_where_it_stood() -> None:
    asked = Told((0, 1), (0, 3))
    assert list(run(Peer(asked, GROUP), GROUP, 1)) == [0.1, 0.2, 0.3]
    assert asked.told == [(0, 1, 0.1, False), (1, 2, 0.2, False), (1, 3, 0.3, False)]


def test_what_is_known_is_told_without_training() -> None:
    asked = Told((0, 3), (0, 2), (1, 1))
    assert list(run(Peer(asked, GROUP), GROUP, 1)) == [0.1, 0.2, 0.3, 0.3]
    assert asked.told[3] == (1, 2, 0.2, True)


def test_a_training_whose_weights_were_lost_is_over_and_worth_nothing_from_then_on() -> None:
    asked = Told((1, 5), (1, 5))
    assert list(run(Peer(asked, GROUP), GROUP, 1)) == [0.3, 0.0]
    assert asked.told[1:] == [(0, 2, 0.0, True), (1, 5, 0.0, True)]


def test_the_nearest_configuration_is_taken_once_and_another_choice_is_as_far_as_a_range() -> None:
    rows = Rows([0, 3], [[0.2, 0], [0.9, 2], [0.3, 1]], seed=0)
    taken = [rows.nearest(rows.points[1] - [0.1, 0]) for _ in range(3)]
    assert taken == [1, 2, 0]
    assert rows.untrained == []


def test_a_peer_sees_shares_of_ranges_and_places_of_choices() -> None:
    table = load(OWN / "resnet_yolo.parquet")
    names = sorted(table.make_plan().ranges)
    seen = described("DEHB", table, 0)
    drawn, point = table.configurations[0].drawn, dict(zip(names, seen["points"][0], strict=True))
    assert point["dropout"] == pytest.approx(drawn["dropout"] / 0.5)
    assert point["accumulation"] == (1, 2, 4).index(drawn["accumulation"])
    assert dict(zip(names, seen["choices"], strict=True))["accumulation"] == 3
    assert all(
        0 <= value <= max(1, count - 1)
        for row in seen["points"]
        for value, count in zip(row, seen["choices"], strict=True)
    )
