"""Fields that sweeps of an earlier version have and this version does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RemovedField:
    """A field that sweeps of an earlier version have and this version does not.

    Attributes:
        default: the value that stands for what this version does.
        reason: why it was removed, as the end of a sentence.
        instead: what to do instead, as the end of a sentence.
    """

    default: Any
    reason: str
    instead: str


REMOVED: Mapping[str, RemovedField] = {
    "brackets": RemovedField(
        default=1,
        reason="several brackets cost more epochs and find less (docs/negative-results.md)",
        instead="leave it out",
    ),
    "warm_start_with": RemovedField(
        default="best",
        reason="a sampler that learns from all earlier trials loses where the data differ (docs/negative-results.md)",
        instead="leave it out, and the best configurations of the earlier sweeps are trained first",
    ),
}


def removed_choices(values: Mapping[str, Any]) -> dict[str, Any]:
    """The removed fields among `values` that ask for something this version cannot do."""
    return {name: values[name] for name, field in REMOVED.items() if values.get(name, field.default) != field.default}
