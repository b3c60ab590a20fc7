"""Settings chosen on one half of the repositories, reported on the other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from search.pruning.curve import Curve
from search.pruning.promoting import PromotingASHA
from tests.bench.public.groups import Group
from tests.bench.public.ours import EvenASHA, HalfCurve, promoting
from tests.bench.public.virtual import MakeRule

GRACES = (0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.10, 0.12, 0.14)
FACTORS = (1.3, 1.4, 1.5, 2.0, 3.0)


def graces() -> dict[str, MakeRule]:
    """Grace periods to choose from, all else as it comes."""
    return {f"grace {grace:.0%}": promoting(grace) for grace in GRACES}


def everything() -> dict[str, MakeRule]:
    """Also how far rungs lie apart, how fast places become fewer, and how much of its gain an outlook adds."""
    ashas = {"": PromotingASHA, ", even": EvenASHA}
    curves = {"": Curve, ", half": HalfCurve}
    return {
        f"grace {grace:.0%}, factor {factor:g}{places}{gain}": promoting(
            grace, factor, asha=ashas[places], curve=curves[gain]
        )
        for grace, factor, places, gain in product(GRACES, FACTORS, ashas, curves)
    }


@dataclass(frozen=True)
class Halved:
    """Means over many splits; shares.

    Attributes:
        stock_epochs, stock_regret: of the stock scheduler on the halves that were not fitted on.
        epochs, regret: of the settings chosen on the other halves, there.
        half: share of the splits in which that is at most half of stock's regret there.
        chosen: the settings most often chosen.
    """

    stock_epochs: float
    stock_regret: float
    epochs: float
    regret: float
    half: float
    chosen: str


def halved(groups: list[Group], stock: np.ndarray, tried: dict[str, np.ndarray], splits: int, seed: int) -> Halved:
    """Choose the least regret at no more epochs than `stock`; arrays have one row a group: epochs, regret, …"""
    rng = np.random.default_rng(seed)
    owners = sorted({group.repository for group in groups})
    names, table = list(tried), np.stack(list(tried.values()))
    rows, chosen = [], []
    for _ in range(splits):
        fitted = set(rng.permutation(owners)[: len(owners) // 2])
        ours = np.array([group.repository in fitted for group in groups])
        allowed = table[:, ours, 0].mean(axis=1) <= stock[ours, 0].mean()
        best = int(np.where(allowed, table[:, ours, 1].mean(axis=1), np.inf).argmin())
        chosen.append(names[best])
        rows.append([*stock[~ours, :2].mean(axis=0), *table[best, ~ours, :2].mean(axis=0)])
    split_values = np.array(rows)
    stock_epochs, stock_regret, epochs, regret = (float(value) for value in split_values.mean(axis=0))
    return Halved(
        stock_epochs,
        stock_regret,
        epochs,
        regret,
        half=float((split_values[:, 3] <= split_values[:, 1] / 2).mean()),
        chosen=max(set(chosen), key=chosen.count),
    )
