"""How often a stability verdict stops a training too early: `python -m tests.bench.public.harm FOLDER`.

Every run is taken, one by one, without a scheduler, under the product's own rules. A stop did harm if the run later
improved its own best value by more than 5 %. The peers of a run are all others of its family and planned length, known
to their ends: the hardest case for a rule that asks for them.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter, defaultdict
from pathlib import Path

from search.pruning.curve import Curve
from search.pruning.peers import median_of_peers
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import verdict
from tests.bench.public.groups import Run, every_run

HARM = 1.05
SETTINGS = {
    "defaults": StabilitySettings(),
    "defaults, `collapse_share: 0`": StabilitySettings(collapse_share=0),
    "oscillation_cv 0.2": StabilitySettings(oscillation_cv=0.2),
    "oscillation_cv 0.5": StabilitySettings(oscillation_cv=0.5),
    "oscillation_cv 0.2 after half the epochs": StabilitySettings(oscillation_cv=0.2, oscillation_after=0.5),
    "stale_epochs 50": StabilitySettings(oscillation_cv=None, stale_epochs=50),
}


def stopped(run: Run, others: list[Curve], settings: StabilitySettings) -> tuple[str, bool, int] | None:
    """The reason, whether it did harm, and the epochs that it saved; None if the run went to its end."""
    curve = Curve()

    def peers(epoch: int) -> float | None:
        return median_of_peers(other.best_by(epoch) for other in others)

    for point in run.points:
        curve.add(point)
        found = verdict(curve, run.planned, settings, peers=peers)
        if found:
            later = [after.value for after in run.points[curve.epoch :] if after.value and math.isfinite(after.value)]
            harmed = max(later, default=-math.inf) > HARM * (curve.best_value or 0.0)
            return found.reason, harmed, len(run.points) - curve.epoch
    return None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with runs.parquet and curves.parquet")
    runs = every_run(parser.parse_args().folder)
    curves = {place: Curve("max", run.points) for place, run in enumerate(runs)}
    families: dict[tuple[str, int], list[int]] = defaultdict(list)
    for place, run in enumerate(runs):
        if run.evaluated:
            families[run.family, run.planned].append(place)
    print(f"{len(runs)} runs\n\n| | stopped | harmed | of all runs | epochs saved |\n| --- | --- | --- | --- | --- |")
    for name, settings in SETTINGS.items():
        reasons: Counter[str] = Counter()
        harms, saved = 0, 0
        for place, run in enumerate(runs):
            others = [curves[other] for other in families[run.family, run.planned] if other != place]
            found = stopped(run, others, settings)
            if found:
                reasons[found[0]] += 1
                harms, saved = harms + found[1], saved + found[2]
        shown = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        print(f"| {name} | {shown} | {harms} | {harms / len(runs):.2%} | {saved} |", flush=True)


if __name__ == "__main__":
    main()
