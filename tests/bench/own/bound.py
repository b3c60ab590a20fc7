"""What choosing could gain on recorded trainings: `python -m tests.bench.own.bound [TABLE.parquet …]`.

Somebody knows every *other* training of the table to its end. A model of these foresees how a training ends, from its
configuration and its epochs so far. New trainings are begun at random, or by what their configuration foretells; each
goes on from a first and from a second rung if it is foreseen among so many of all, and so to its end. Of all such rules
the best is chosen afterwards, on the very table. No scheduler has any of this, so what it takes is next to a bound.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from spaces.cube import point
from tests.bench.own.recorded import Table, load
from tests.bench.own.systems import NEAR

HERE = Path(__file__).resolve().parent

RUNGS = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20)
FIRST = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
SECOND = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
FOLDS = 20

Array = np.ndarray


@dataclass(frozen=True)
class Trainings:
    """All of a table.

    Attributes:
        configuration: [trainings], whose each is.
        x: [trainings, coordinates], what was drawn.
        curves: [trainings, epochs], 0 where nothing was evaluated.
        best: [trainings].
    """

    configuration: Array
    x: Array
    curves: Array
    best: Array


def trainings(table: Table) -> Trainings:
    """Those of `table`, in its order."""
    ranges = table.make_plan().ranges
    rows = [
        (number, configuration, run)
        for number, configuration in enumerate(table.configurations)
        for run in configuration.trainings
    ]
    curves = np.zeros((len(rows), table.max_epochs))
    for row, (_, _, run) in enumerate(rows):
        curves[row, : len(run.points)] = [evaluated.value or 0.0 for evaluated in run.points]
    x = np.array([point(configuration.drawn, ranges) for _, configuration, _ in rows])
    return Trainings(np.array([number for number, _, _ in rows]), x, curves, curves.max(axis=1))


def foreseen(measured: Trainings, epochs: int) -> Array:
    """Each training's best value, from its first `epochs` and all trainings of the other configurations."""
    features = measured.x
    if epochs:
        so_far = measured.curves[:, :epochs]
        half = epochs // 2
        second = so_far[:, half:].mean(axis=1)
        first = so_far[:, :half].mean(axis=1) if half else second
        features = np.column_stack([measured.x, so_far, second, second - first, so_far.max(axis=1)])
    fold = np.random.default_rng(0).permutation(measured.configuration.max() + 1)[measured.configuration] % FOLDS
    predicted = np.zeros(len(measured.best))
    for held_out in range(FOLDS):
        tested, fitted = fold == held_out, fold != held_out
        trees = ExtraTreesRegressor(400, min_samples_leaf=2, max_features=0.5, random_state=0)
        ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 12)))
        trees.fit(features[fitted], measured.best[fitted])
        ridge.fit(features[fitted], measured.best[fitted])
        predicted[tested] = (trees.predict(features[tested]) + ridge.predict(features[tested])) / 2
    return predicted


def ranks(values: Array) -> Array:
    """The share of all that is ahead of each."""
    shares: Array = np.argsort(np.argsort(-values, kind="stable")) / len(values)
    return shares


@dataclass(frozen=True)
class Realised:
    """One training of each configuration, as the other benchmarks draw them, in the order in which they are begun.

    Attributes:
        ahead: by rung, the share of all that is foreseen to end higher than each.
        near: the epoch at which each comes near the best of all; infinite if never.
    """

    ahead: dict[int, Array]
    near: Array


def realised(measured: Trainings, at: dict[int, Array], drawn: list[int], seed: int, by_model: bool) -> Realised:
    """Of each configuration the training that was `drawn`."""
    rows = np.searchsorted(measured.configuration, np.arange(len(drawn))) + drawn
    order = np.argsort(ranks(at[0][rows])) if by_model else np.random.default_rng([seed, 9]).permutation(len(rows))
    reached = measured.curves[rows] >= NEAR * measured.best[rows].max()
    near = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
    return Realised({rung: ranks(at[rung][rows])[order] for rung in RUNGS}, near[order])


def needed(order: Realised, rungs: tuple[int, int], shares: tuple[float, float], length: int) -> float:
    """Epochs until somebody who goes on by these rungs and shares sees a value near the best; infinite if never."""
    first = order.ahead[rungs[0]] < shares[0]
    second = first & (order.ahead[rungs[1]] < shares[1])
    trained = np.where(second, length, np.where(first, rungs[1], rungs[0]))
    hits = np.flatnonzero(order.near <= trained)
    return float(trained[: hits[0]].sum() + order.near[hits[0]]) if len(hits) else np.inf


def told(table: Table, seeds: int) -> str:
    """The best rule of each order, in one line each."""
    measured = trainings(table)
    at = {epochs: foreseen(measured, epochs) for epochs in (0, *RUNGS)}
    lines = []
    for name, by_model in (("at random", False), ("by their configurations", True)):
        orders = [realised(measured, at, table.drawn(seed), seed, by_model) for seed in range(seeds)]
        needed_by_rule = {}
        for rungs, shares in product(combinations(RUNGS, 2), product(FIRST, SECOND)):
            if shares[1] <= shares[0]:
                needed_by_rule[rungs, shares] = [needed(order, rungs, shares, table.max_epochs) for order in orders]
        best = min(needed_by_rule, key=lambda rule: float(np.percentile(needed_by_rule[rule], 50, method="nearest")))
        epochs_needed = np.array(needed_by_rule[best])
        (first, second), (share, other) = best
        lines.append(
            f"{table.name}, begun {name}: {np.percentile(epochs_needed, 50, method='nearest'):.0f} epochs (median of "
            f"{seeds} seeds, found by {np.isfinite(epochs_needed).sum()}): after epoch {first} the first {share:.0%}, "
            f"after epoch {second} the first {other:.0%}; best of {len(needed_by_rule)} rules"
        )
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="*", default=sorted(HERE.glob("*.parquet")))
    parser.add_argument("--seeds", type=int, default=100)
    args = parser.parse_args()
    for file in args.tables:
        print(told(load(file), args.seeds), flush=True)


if __name__ == "__main__":
    main()
