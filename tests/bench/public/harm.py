"""How often a stop rule ends a training too early: `python -m tests.bench.public.harm FOLDER… [--halves 300]`.

Every run is taken, one by one, without a scheduler, under the product's own rules. A stop did harm if the run later
improved its own best value by more than 5 %. The peers of a run are all others of its family and planned length, known
to their ends: the hardest case for a rule that asks for them.

With `--halves`, the thresholds are chosen on random halves of the repositories of all folders, and what they do on the
other halves is reported.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from search.pruning.curve import Curve
from search.pruning.decision import Decision
from search.pruning.peers import Peers, median_of_peers
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import doubtful, verdict
from tests.bench.public.groups import Run, every_run
from tests.bench.public.ours import DEFAULT, SOONER

HARM = 1.05
SETTINGS = {
    "defaults": DEFAULT,
    "defaults, `collapse_share: 0`": StabilitySettings(collapse_share=0),
    "as before: sooner, no demotions": SOONER,
    "oscillation_cv 0.2": StabilitySettings(oscillation_cv=0.2),
    "oscillation_cv 0.5": StabilitySettings(oscillation_cv=0.5),
    "oscillation_cv 0.2 after half the epochs": StabilitySettings(oscillation_cv=0.2, oscillation_after=0.5),
    "stale_epochs 50": StabilitySettings(stale_epochs=50),
}
CHOICES = {"collapse_after": (0.3, 0.4, 0.5), "min_epochs": (1, 10), "collapse_share": (0.2, 0.25)} | {
    "no_best_epochs": (10, 20)
}
"""What is chosen from on halves of the repositories."""


@dataclass(frozen=True)
class Stop:
    """Where a rule ended a run, or demoted it.

    Attributes:
        reason: the rule.
        harmed: whether the run later improved its own best.
        saved: the epochs that were left.
    """

    reason: str
    harmed: bool
    saved: int


@dataclass(frozen=True)
class Judged:
    """A run and its peers."""

    run: Run
    others: list[Curve]

    def _each_epoch(self) -> Iterator[tuple[Curve, Peers]]:
        curve = Curve()
        for point in self.run.points:
            curve.add(point)
            yield curve, lambda epoch: median_of_peers(other.best_by(epoch) for other in self.others)

    def ended(self, settings: StabilitySettings) -> Stop | None:
        """Where the rules end the run; None if it trains to its end."""
        decisions = ((curve, verdict(curve, self.run.planned, settings, peers=at)) for curve, at in self._each_epoch())
        return self._first(decisions)

    def demoted(self, settings: StabilitySettings) -> Stop | None:
        """Where it would be demoted, if it was never promoted after that; None if it would not be."""
        decisions = ((curve, doubtful(curve, self.run.planned, settings, at)) for curve, at in self._each_epoch())
        return self._first(decisions)

    def _first(self, decisions: Iterator[tuple[Curve, Decision | None]]) -> Stop | None:
        for curve, decision in decisions:
            if decision:
                values = [point.value for point in self.run.points[curve.epoch :]]
                later = [value for value in values if value and math.isfinite(value)]
                harmed = max(later, default=-math.inf) > HARM * (curve.best_value or 0.0)
                return Stop(decision.reason, harmed, len(self.run.points) - curve.epoch)
        return None


def judged(folder: Path) -> list[Judged]:
    """Every run in `folder`, with its peers."""
    runs = every_run(folder)
    curves = [Curve("max", run.points) for run in runs]
    families: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, run in enumerate(runs):
        if run.evaluated:
            families[run.family, run.planned].append(index)
    return [
        Judged(run, [curves[other] for other in families[run.family, run.planned] if other != index])
        for index, run in enumerate(runs)
    ]


def row(name: str, runs: list[Judged], stops: list[Stop | None]) -> str:
    """One line of the table."""
    stopped = [stop for stop in stops if stop]
    reasons = ", ".join(f"{reason} {count}" for reason, count in Counter(stop.reason for stop in stopped).most_common())
    harms, saved = sum(stop.harmed for stop in stopped), sum(stop.saved for stop in stopped)
    epochs = sum(len(judgement.run.points) for judgement in runs)
    return f"| {name} | {reasons or 'none'} | {harms} | {harms / len(runs):.2%} | {saved} ({saved / epochs:.1%}) |"


def halves(runs: list[Judged], splits: int) -> Iterator[str]:
    """Choose the least harm on one half of the repositories (of equals the most epochs saved); report the other."""
    owners = sorted({judgement.run.repository for judgement in runs})
    owner = np.array([owners.index(judgement.run.repository) for judgement in runs])
    names = [dict(zip(CHOICES, values, strict=True)) for values in product(*CHOICES.values())]
    stops = [[judgement.ended(DEFAULT.model_copy(update=chosen)) for judgement in runs] for chosen in names]
    harm = np.array([[bool(stop and stop.harmed) for stop in stops_of_runs] for stops_of_runs in stops])
    saved = np.array([[stop.saved if stop else 0 for stop in stops_of_runs] for stops_of_runs in stops])
    default = names.index({name: getattr(DEFAULT, name) for name in CHOICES})
    chosen_in: Counter[int] = Counter()
    left_out, of_default = [], []
    for split in range(splits):
        fitted = np.random.default_rng(split).permutation(len(owners))[: len(owners) // 2]
        ours = np.isin(owner, fitted)
        best = int(np.lexsort((-saved[:, ours].sum(axis=1), harm[:, ours].sum(axis=1)))[0])
        chosen_in[best] += 1
        left_out.append(harm[best, ~ours].mean())
        of_default.append(harm[default, ~ours].mean())
    for name, harms in (("chosen on the other half", left_out), ("the defaults", of_default)):
        high, above = np.quantile(harms, 0.95), np.mean(np.greater(harms, 0.02))
        yield (
            f"{name}: harm {np.mean(harms):.2%} of the runs of a half of the repositories on average, "
            f"at most {high:.2%} in 95 of 100 splits, above 2 % in {above:.0%}"
        )
    yield "most often chosen: " + "; ".join(f"{names[best]} {count}" for best, count in chosen_in.most_common(3))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="each with runs.parquet and curves.parquet")
    parser.add_argument("--halves", type=int, default=0, help="random halves of the repositories to choose on; 0: none")
    args = parser.parse_args()
    runs_of_folders = [judged(folder) for folder in args.folders]
    for folder, runs in zip(args.folders, runs_of_folders, strict=True):
        print(
            f"{folder.name}: {len(runs)} runs of {len({judgement.run.repository for judgement in runs})} repositories\n"
        )
        print("| | stopped | harmed | of all runs | epochs saved |\n| --- | --- | --- | --- | --- |")
        for name, settings in SETTINGS.items():
            print(row(name, runs, [judgement.ended(settings) for judgement in runs]), flush=True)
        print(
            row("demoted, were they never promoted", runs, [judgement.demoted(DEFAULT) for judgement in runs]),
            flush=True,
        )
        alone = DEFAULT.model_copy(update={"demote_after": 1.0, "demote_no_best_epochs": 10**6, "train_factor": 1e9})
        print(
            row("the same, for oscillation alone", runs, [judgement.demoted(alone) for judgement in runs]) + "\n",
            flush=True,
        )
    if args.halves:
        print("\n".join(halves([judgement for runs in runs_of_folders for judgement in runs], args.halves)))


if __name__ == "__main__":
    main()
