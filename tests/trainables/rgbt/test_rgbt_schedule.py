"""The rates and phases of a training by epoch, and when its thermal plane has collapsed."""

from __future__ import annotations

from typing import Any

import pytest

from trainables.rgbt.collapse import PATIENCE, CollapseWatch
from trainables.rgbt.schedule import closes_mosaic, frozen_layers, phase, rate_share


class TestTheSchedules:
    def test_the_rate_rises_by_step_and_falls_by_epoch(self) -> None:
        usual: dict[str, Any] = {"steps": 4, "epochs": 10, "warmup_epochs": 2, "lrf": 0.1}
        assert [rate_share(1, step, **usual) for step in range(3)] == [0.0, 0.125, 0.25]
        assert rate_share(3, 0, **usual) == rate_share(3, 3, **usual) == pytest.approx(0.8 * 0.9 + 0.1)
        assert rate_share(10, 0, **usual) == pytest.approx(0.19)
        assert rate_share(1, 0, **usual | {"warmup_epochs": 0}) == 1.0

    def test_mosaic_closes_before_the_end(self) -> None:
        assert [closes_mosaic(epoch, epochs=10, close_mosaic=3) for epoch in (7, 8, 10)] == [False, True, True]

    def test_the_last_epoch_is_no_warm_up(self) -> None:
        usual = {"warmup_epochs": 3, "close_mosaic": 0, "freeze": 0, "unfreeze_epoch": 0}
        assert [phase(epoch, epochs=3, **usual) for epoch in (1, 2, 3)] == ["warmup", "warmup", "main"]
        assert rate_share(3, 0, steps=4, epochs=3, warmup_epochs=3, lrf=1.0) == 1.0

    def test_the_stem_is_never_frozen(self) -> None:
        assert list(frozen_layers(1, freeze=5, unfreeze_epoch=2)) == [1, 2, 3, 4]
        assert list(frozen_layers(3, freeze=5, unfreeze_epoch=2)) == []
        assert list(frozen_layers(99, freeze=3, unfreeze_epoch=0)) == [1, 2]


class TestCollapse:
    def test_is_several_epochs_without_a_thermal_gradient(self) -> None:
        watch = CollapseWatch()
        for _ in range(PATIENCE - 1):
            watch.look(thermal=0.0, rgb=3.0, with_thermal=0.0, blanked=0.0)
        assert watch.alarm() is None
        watch.look(thermal=0.0, rgb=3.0, with_thermal=0.0, blanked=0.0)
        alarm = watch.alarm()
        assert alarm is not None
        assert (alarm.reason, alarm.detail) == ("collapsed", "no gradient reached the thermal filters in 5 epochs")

    def test_is_several_epochs_in_which_thermal_is_not_missed(self) -> None:
        watch = CollapseWatch()
        for _ in range(PATIENCE):
            watch.look(thermal=1.0, rgb=3.0, with_thermal=0.4, blanked=0.4)
        assert watch.alarm() is not None
        watch.look(thermal=1.0, rgb=3.0, with_thermal=0.4, blanked=0.3)
        assert watch.alarm() is None

    def test_is_not_a_model_that_has_learnt_nothing_yet(self) -> None:
        watch = CollapseWatch()
        for _ in range(2 * PATIENCE):
            watch.look(thermal=1.0, rgb=3.0, with_thermal=0.0, blanked=0.0)
        assert watch.alarm() is None
