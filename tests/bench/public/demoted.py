"""What demotions cost in sweeps: `python -m tests.bench.public.demoted FOLDER… [--orders 10]`.

Each group is swept twice in each order: with demotions and without. A demotion did harm if the run was trained to its
end without it, not with it, and its best value then was more than 5 % above the best that it had where it was left.
Regret is of the best run that was trained to its end.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from search.pruning.stability import StabilitySettings
from tests.bench.public.groups import Group, load
from tests.bench.public.harm import HARM
from tests.bench.public.ours import Ours, promoting
from tests.bench.public.virtual import Sweep

GRACE = 0.08
WITHOUT = StabilitySettings(demote=False)
WITH = {
    "oscillation alone": StabilitySettings(demote_after=1.0, demote_no_best_epochs=10**6),
    "oscillation alone, CV 0.1": StabilitySettings(demote_after=1.0, demote_no_best_epochs=10**6, demote_cv=0.1),
    "all but oscillation": StabilitySettings(demote_cv=0),
    "all": StabilitySettings(),
}


@dataclass(frozen=True)
class Swept:
    """One sweep: by run how many epochs it was trained, the share of all epochs, and the regret."""

    trained: tuple[int, ...]
    epochs: float
    regret: float


def swept(group: Group, order: list[int], settings: StabilitySettings, workers: int) -> Swept:
    """The default scheduler with these stop rules on `group`."""
    rule = promoting(GRACE, stability=settings)(group)
    assert isinstance(rule, Ours)
    outcome = Sweep(group, rule, order, workers).run()
    trained = dict(zip(order, (curve.epoch for _, curve in sorted(rule.curves.items())), strict=True))
    return Swept(tuple(trained[run] for run in range(len(order))), outcome.epochs, outcome.regret)


def harmed(group: Group, before: Swept, after: Swept) -> int:
    """How many runs demotions kept from their end although they would have improved."""
    count = 0
    for points, best, full, left in zip(group.runs, group.best, before.trained, after.trained, strict=True):
        if full == len(points) and left < full:
            values = [point.value for point in points[:left] if point.value and math.isfinite(point.value)]
            count += best > HARM * max(values, default=0.0)
    return count


def rows(groups: list[Group], orders: int, workers: int) -> Iterator[str]:
    """One line for each kind of demotion."""
    shuffled = [
        [np.random.default_rng([order, index]).permutation(len(group.runs)).tolist() for order in range(orders)]
        for index, group in enumerate(groups)
    ]
    runs = orders * sum(len(group.runs) for group in groups)
    swept_orders = list(zip(groups, shuffled, strict=True))
    before = [[swept(group, order, WITHOUT, workers) for order in group_orders] for group, group_orders in swept_orders]
    yield f"| none | | | {_mean(before, 'epochs')} | {_mean(before, 'regret')} |"
    for name, settings in WITH.items():
        after = [
            [swept(group, order, settings, workers) for order in group_orders]
            for group, group_orders in zip(groups, shuffled, strict=True)
        ]
        pairs = [
            (group, outcome, other)
            for group, plain, demoted in zip(groups, before, after, strict=True)
            for outcome, other in zip(plain, demoted, strict=True)
        ]
        harms = sum(harmed(*pair) for pair in pairs)
        differing = sum(outcome.trained != other.trained for _, outcome, other in pairs)
        yield (
            f"| {name} | {differing} of {len(pairs)} | {harms} of {runs} ({harms / runs:.2%}) "
            f"| {_mean(after, 'epochs')} | {_mean(after, 'regret')} |"
        )


def _mean(outcomes: list[list[Swept]], field: str) -> str:
    return f"{100 * np.mean([np.mean([getattr(outcome, field) for outcome in orders]) for orders in outcomes]):.2f}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="each with runs.parquet and curves.parquet")
    parser.add_argument("--orders", type=int, default=10, help="arrival orders of each group")
    parser.add_argument("--workers", type=int, default=4, help="trials at a time")
    args = parser.parse_args()
    for folder in args.folders:
        print(f"{folder.name}\n\n| demoted for | sweeps that differ | harmed | epochs, % | regret, % |", flush=True)
        print("| --- | --- | --- | --- | --- |")
        for line in rows(load(folder), args.orders, args.workers):
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
