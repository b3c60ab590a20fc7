from __future__ import annotations

from dataclasses import replace

from search.journal.events import BY_HAND, TrialStarted
from search.state.started import CommonSettings

SETTINGS = {"lr": 0.1, "epochs": 9, "flip": True, "names": ["a"], "seed": 5}
STARTED = TrialStarted(3, "search", 3, "", 5, {"lr": 0.1}, SETTINGS)


def test_the_settings_of_every_trial_come_back_whole_and_in_their_order() -> None:
    shared = CommonSettings()
    others = [
        STARTED,
        replace(STARTED, seed=6, drawn={"lr": 0.2}, settings={**SETTINGS, "lr": 0.2, "seed": 6}),
        replace(STARTED, settings={**SETTINGS, "lr": 0.3, "names": ["b"], "seed": 7}),  # not as drawn, another seed
        replace(STARTED, settings={**SETTINGS, "epochs": 9.0, "flip": 1}),  # equal, but of another type
        replace(STARTED, settings={"lr": 0.1}),  # of another version
        replace(STARTED, drawn={"unknown": 1}),
    ]
    for event in others:
        settings = shared.of(event).settings
        assert repr(settings) == repr(event.settings)


def test_a_trial_like_the_first_keeps_no_settings_of_its_own() -> None:
    shared = CommonSettings()
    shared.of(STARTED)
    again = shared.of(replace(STARTED, seed=8, drawn={"lr": 0.4}, settings={**SETTINGS, "lr": 0.4, "seed": 8}))
    assert not again._differing
    assert again.settings["lr"] == 0.4


def test_the_other_fields_are_the_events() -> None:
    started = CommonSettings().of(replace(STARTED, named=BY_HAND))
    assert (started.trial, started.kind, started.of, started.seed, started.drawn) == (3, "search", 3, 5, {"lr": 0.1})
    assert started.by_hand
    assert not CommonSettings().of(STARTED).by_hand
