"""How a trial began, stored without the settings that it shares with the others: most are the same in all trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search.journal.events import BY_HAND, Kind, TrialStarted


@dataclass(frozen=True, slots=True)
class Started:
    """A `TrialStarted` that takes less memory.

    Attributes:
        trial, kind, of, named, seed, drawn: see `TrialStarted`.
    """

    trial: int
    kind: Kind
    of: int
    named: str
    seed: int
    drawn: dict[str, Any]
    _common: Mapping[str, Any] = field(repr=False, compare=False)
    _differing: Mapping[str, Any]  # the settings that are neither the common ones, nor drawn, nor the seed

    @property
    def settings(self) -> dict[str, Any]:
        """The complete settings of the training. They are put together at each call."""
        return {**_expected(self._common, self), **self._differing}

    @property
    def by_hand(self) -> bool:
        """Whether a user added it to the search."""
        return self.named == BY_HAND and self.kind == "search"


class CommonSettings:
    """The settings that trials share: those of the sweep's first trial, until a trial has settings of other names."""

    def __init__(self) -> None:
        self._common: Mapping[str, Any] = {}

    def of(self, event: TrialStarted) -> Started:
        """`event` in its smaller form."""
        if event.settings.keys() != self._common.keys():
            self._common = event.settings
        expected = _expected(self._common, event)
        differing = {name: value for name, value in event.settings.items() if not _same(value, expected[name])}
        return Started(
            event.trial,
            event.kind,
            event.of,
            event.named,
            event.seed,
            event.drawn,
            self._common,
            differing or _NONE,
        )


_NONE: Mapping[str, Any] = {}


def _expected(common: Mapping[str, Any], started: TrialStarted | Started) -> dict[str, Any]:
    of_trial = {**started.drawn, "seed": started.seed}
    return {name: of_trial.get(name, value) for name, value in common.items()}


def _same(value: Any, expected: Any) -> bool:
    return type(value) is type(expected) and bool(value == expected)
