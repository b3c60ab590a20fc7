"""Schedulers on public learning curves: `python -m tests.bench.public.compare FOLDER`.

FOLDER holds other people's curves (see `groups.py`); they stay there. Each scheduler meets the same arrival orders on
the same virtual workers, where an epoch takes one unit. What is written: a table (`--out`) and a figure beside it.
It takes a while: `--only REGEX` runs some of the rules, `--save FILE` keeps their outcomes, and `--add FILE …` takes
kept ones into the table (Syne Tune's among them, see `syne_rules.py`).
"""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tests.bench.public import (
    optuna_rules,
    ours,
    plain_rules,
    ray_rules,
    table,
)
from tests.bench.public.groups import Group, load
from tests.bench.public.halves import everything, graces, halved
from tests.bench.public.intervals import draws
from tests.bench.public.virtual import MakeRule, mean_outcomes

HERE = Path(__file__).resolve().parent

STOCK = {"5%": "Ray ASHA, factor 3, grace 5%", "10%": "Ray ASHA, factor 3, grace 10%"}


def measured(
    rules: dict[str, MakeRule], groups: list[Group], orders: int, workers: int, save: Path | None = None
) -> dict[str, np.ndarray]:
    """The outcomes of each rule, told and saved as they come."""
    outcomes: dict[str, np.ndarray] = {}
    for name, make in rules.items():
        began = time.monotonic()
        outcomes[name] = mean_outcomes(groups, make, orders, workers)
        epochs, regret = 100 * outcomes[name][:, :2].mean(axis=0)
        objective = 100 * outcomes[name][:, table.OBJECTIVE].mean()
        took = f"({time.monotonic() - began:.0f} s)"
        print(f"{name:48} epochs {epochs:5.1f} regret {regret:5.2f} by objective {objective:5.2f} {took}", flush=True)
        if save:
            np.savez(save, allow_pickle=False, **outcomes)
    return outcomes


def written(outcomes: dict[str, np.ndarray], groups: list[Group], args: argparse.Namespace) -> str:
    """The whole report."""
    drawn = draws(groups)
    runs, owners = sum(len(group.runs) for group in groups), len({group.repository for group in groups})
    lines = [
        f"# Schedulers on public learning curves, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"`python -m tests.bench.public.compare FOLDER --orders {args.orders} --workers {args.workers}`: {len(groups)} "
        f"groups, {runs} runs, {owners} repositories. All numbers are per cent, means over orders, then over groups; "
        "intervals are bootstraps over repositories. Regret: the best run that was trained to its end against the best "
        "of all, by each run's best value; by the objective: the best mean of three epochs of any run, stopped or not. "
        "Time: virtual, against workers that never idle and train everything.",
        "",
        table.HEAD,
        *(table.row(name, rows, drawn) for name, rows in outcomes.items()),
    ]
    for at, stock in STOCK.items():
        if stock not in outcomes:
            continue
        lines += [
            "",
            f"Against stock ASHA with grace {at} (ratios):",
            "",
            "| | epochs | regret [95 %] | by the objective [95 %] |",
        ]
        lines += ["| --- | --- | --- | --- |"]
        lines += [
            table.against(name, rows, outcomes[stock], drawn)
            for name, rows in outcomes.items()
            if name.startswith("steady")
        ]
    return "\n".join(lines) + "\n"


def crossed(outcomes: dict[str, np.ndarray], groups: list[Group], args: argparse.Namespace) -> str:
    """Fitted on one half of the repositories, reported on the other."""
    lines = [
        "",
        "Chosen on a random half of the repositories (least regret at no more epochs than stock), reported on the "
        f"other half; means over {args.splits} splits:",
        "",
        "| from | grace | stock: epochs / regret | chosen: epochs / regret | ratio | at most half in | most often |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, grid in {"graces": graces(), "everything": everything()}.items():
        tried = measured(grid, groups, min(args.orders, 10), args.workers)
        for at, stock in STOCK.items():
            half = halved(groups, outcomes[stock], tried, args.splits, seed=0)
            lines.append(f"| {len(tried)} settings: {name} {table.split_row(at, half)}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with runs.parquet and curves.parquet")
    parser.add_argument("--orders", type=int, default=30, help="arrival orders of each group")
    parser.add_argument("--workers", type=int, default=4, help="trials at a time")
    parser.add_argument("--splits", type=int, default=200, help="random halves of the repositories; 0 for none")
    parser.add_argument("--only", default="", help="rules with this in their name, a regular expression; $^ for none")
    parser.add_argument("--save", type=Path, help="keep the outcomes here (.npz)")
    parser.add_argument("--add", type=Path, nargs="*", default=[], help="kept outcomes to take into the table")
    parser.add_argument("--out", type=Path, default=HERE / "results.md", help="the table; the figure goes beside it")
    args = parser.parse_args()
    groups = load(args.folder)
    rules = ray_rules.rules() | optuna_rules.rules() | plain_rules.rules() | ours.rules()
    chosen = {name: make for name, make in rules.items() if re.search(args.only, name)}
    outcomes = measured(chosen, groups, args.orders, args.workers, args.save)
    for file in args.add:
        outcomes |= dict(np.load(file))
    outcomes = {name: outcomes[name] for name in sorted(outcomes, key=[*rules, *outcomes].index)}
    report = written(outcomes, groups, args)
    if args.splits and all(stock in outcomes for stock in STOCK.values()):
        report += crossed(outcomes, groups, args)
    args.out.write_text(report)
    table.frontier(outcomes, args.out.with_suffix(".png"))
    print(report)


if __name__ == "__main__":
    main()
