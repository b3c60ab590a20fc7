"""What else runs could be compared by, and who else could go on: `python -m tests.bench.public.tried FOLDER`.

Successive halving without the asynchronous part: all runs of a group wait at each rung, so that only the comparison
itself differs. Each variant is tried on all runs of a group and on four random four fifths of them, at factors 1.5 and
2 and many grace periods; the table has its regret at the same share of epochs, interpolated over the grace periods.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from tests.bench.public.groups import Group, load

GRACES = (0.03, 0.05, 0.07, 0.10, 0.13, 0.17)
FACTORS = (1.5, 2.0)
SHARES = (0.31, 0.36, 0.40)
SUBSETS = 4

Values = np.ndarray
Compare = Callable[[Values], float]
Choose = Callable[[Values, Values, Values, int], Values]
"""From each run's projected value, best value and standard error, and the quota: the indices of the runs that go on."""


def projected_value(values: Values, share: float) -> float:
    """The product's, which adds the whole gain, with any share of it (`search.pruning.curve.Curve.projected_value`)."""
    half = len(values) // 2
    if not half:
        return float(values[-1])
    second = values[half:].mean()
    return float(second + share * (second - values[:half].mean()))


def line(values: Values, horizon: float) -> float:
    """A least-squares line in the logarithm of the epochs, at `horizon` times the present one."""
    if len(values) < 3:
        return float(values.mean())
    slope, start = np.polyfit(np.log(np.arange(1, len(values) + 1)), values, 1)
    return float(start + slope * math.log(horizon * len(values)))


def medians(values: Values, share: float) -> float:
    """`outlook` with medians for means."""
    half = len(values) // 2
    if not half:
        return float(values[-1])
    second = float(np.median(values[half:]))
    return second + share * (second - float(np.median(values[:half])))


COMPARED: dict[str, Compare] = {
    "last value": lambda values: float(values[-1]),
    "mean of the last 3": lambda values: float(values[-3:].mean()),
    "mean of the last 5": lambda values: float(values[-5:].mean()),
    "best so far": lambda values: float(values.max()),
    "mean of the second half": partial(projected_value, share=0.0),
    "projected_value, share .25": partial(projected_value, share=0.25),
    "projected_value, share .5": partial(projected_value, share=0.5),
    "projected_value, share .75": partial(projected_value, share=0.75),
    "projected_value, share 1": partial(projected_value, share=1.0),
    "the same with medians, .5": partial(medians, share=0.5),
    "half projected_value, half best": lambda values: (projected_value(values, 0.5) + float(values.max())) / 2,
    "line in log epochs, at 2 x the epoch": partial(line, horizon=2.0),
    "line in log epochs, at 4 x the epoch": partial(line, horizon=4.0),
}


def first(heading: Values, best: Values, error: Values, places: int) -> Values:
    """The best by projected_value."""
    return np.argsort(-heading, kind="stable")[:places]


def with_leaders(heading: Values, best: Values, error: Values, places: int, share: float) -> Values:
    """A share of the places, at least one, to the best so far; the others by projected_value."""
    leaders = np.argsort(-best, kind="stable")[: max(1, round(share * places))].tolist()
    others = [run for run in np.argsort(-heading, kind="stable") if run not in leaders]
    return np.array(leaders + others[: max(0, places - len(leaders))])


def with_ties(heading: Values, best: Values, error: Values, places: int, errors: float) -> Values:
    """Also whoever is behind the last of them by no more than the noise."""
    last = np.sort(heading)[::-1][places - 1]
    return np.flatnonzero(heading >= last - errors * error)


def by_bound(heading: Values, best: Values, error: Values, places: int, errors: float) -> Values:
    """By an upper confidence bound."""
    return np.argsort(-(heading + errors * error), kind="stable")[:places]


def near_the_leader(heading: Values, best: Values, error: Values, places: int, share: float) -> Values:
    """Of the places only as many as are within a share of the first."""
    chosen: Values = first(heading, best, error, places)
    near: Values = chosen[heading[chosen] >= heading.max() * (1 - share)]
    return near


CHOSEN: dict[str, Choose] = {
    "by outlook (.5)": first,
    "one place to the best so far": partial(with_leaders, share=0.0),
    "half the places to the best so far": partial(with_leaders, share=0.5),
    "ties within 1 standard error go on": partial(with_ties, errors=1.0),
    "ties within 2 standard errors go on": partial(with_ties, errors=2.0),
    "upper bound, 1 standard error": partial(by_bound, errors=1.0),
    "upper bound, 3 standard errors": partial(by_bound, errors=3.0),
    "at most those within 20% of the first": partial(near_the_leader, share=0.2),
}


def standard_error(values: Values) -> float:
    """Of the mean of the second half, from the median step between epochs."""
    steps = np.abs(np.diff(values[len(values) // 2 :]))
    noise = 1.4826 * float(np.median(steps)) / math.sqrt(2) if len(steps) else 0.0
    return 1.6 * noise / math.sqrt(max(1.0, len(values) / 2))


def halving(group: Group, runs: Values, grace: float, factor: float, compare: Compare, choose: Choose) -> list[float]:
    """Share of epochs, and regret, of one bracket over `runs`."""
    curves = [np.array([point.value or 0.0 for point in group.runs[run]]) for run in runs]
    trained = np.zeros(len(runs), dtype=int)
    alive, exact = np.arange(len(runs)), max(1.0, float(round(grace * group.max_epochs)))
    start = exact
    while True:
        for run in alive:
            trained[run] = min(len(curves[run]), round(exact))
        exact *= factor
        seen = [curves[run][: trained[run]] for run in alive]
        heading = np.array([compare(values) for values in seen])
        best = np.array([values.max() for values in seen])
        error = np.array([standard_error(values) for values in seen])
        places = min(len(alive), max(1, math.ceil(len(runs) * start / min(exact, group.max_epochs) - 1e-9)))
        alive = alive[choose(heading, best, error, places)]
        if exact >= group.max_epochs:
            break
    for run in alive:
        trained[run] = len(curves[run])
    finals = np.array([group.best[run] for run in runs])
    ended = [final for final, epochs, values in zip(finals, trained, curves, strict=True) if epochs == len(values)]
    return [trained.sum() / sum(map(len, curves)), (finals.max() - max(ended)) / finals.max()]


def subsets(group: Group, seed: int) -> list[Values]:
    """All runs, and some four fifths of them."""
    rng, count = np.random.default_rng([seed, len(group.runs)]), len(group.runs)
    drawn = [np.sort(rng.choice(count, max(5, round(0.8 * count)), replace=False)) for _ in range(SUBSETS)]
    return [np.arange(count), *drawn]


def tried(groups: list[Group], compare: Compare, choose: Choose) -> Values:
    """Regret at each of `SHARES`, mean over factors; nan where no grace period gives that share."""
    regrets = []
    for factor in FACTORS:
        points = []
        for grace in GRACES:
            means = [
                np.mean(
                    [halving(group, runs, grace, factor, compare, choose) for runs in subsets(group, index)], axis=0
                )
                for index, group in enumerate(groups)
            ]
            points.append(np.mean(means, axis=0))
        epochs, regret = np.array(points).T
        regrets.append(np.interp(SHARES, epochs, regret, left=math.nan, right=math.nan))
    everywhere: Values = np.mean(regrets, axis=0)
    return everywhere


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with runs.parquet and curves.parquet")
    groups = load(parser.parse_args().folder)
    print("| | " + " | ".join(f"regret at {share:.0%} of the epochs" for share in SHARES) + " |")
    print("| --- |" + " --- |" * len(SHARES))
    rows = {f"compared by: {name}": tried(groups, compare, first) for name, compare in COMPARED.items()}
    middle = COMPARED["projected_value, share .5"]
    rows |= {f"goes on: {name}": tried(groups, middle, choose) for name, choose in CHOSEN.items()}
    for name, regrets in rows.items():
        shown = ("–" if math.isnan(regret) else f"{100 * regret:.2f}" for regret in regrets)
        print(f"| {name} | " + " | ".join(shown) + " |")


if __name__ == "__main__":
    main()
