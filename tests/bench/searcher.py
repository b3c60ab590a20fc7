"""How the searcher's choices were made: `python tests/bench/searcher.py PART`, in virtual time, on `landscape.py`.

    conditional   Optuna's TPE on spaces with branches: as it comes, flattened, grouped, one parameter at a time
    warm          what an earlier sweep's trials are worth, and how they are best told
    enough        what a sweep saves, and loses, by ending itself: on the rows that `conditional --rows FILE` wrote
    table         the tables of rows that were written before

Each seed has its own landscape; all arms see the same ones. Four workers, stopping ASHA (first rung at 3 of 27 epochs,
one in three goes on). What counts is the true quality of the trial that looked best, below the best that a random
search of 20,000 noiseless draws finds in that landscape. Differences are paired by seed, with 95 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import optuna

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

from landscape import EPOCH_NOISE, EPOCHS, Task  # noqa: E402

from search.enough import enough  # noqa: E402
from search.events import EarlierTrial  # noqa: E402
from search.pruning.asha import StoppingASHA  # noqa: E402
from search.pruning.curve import Curve, Point  # noqa: E402
from search.pruning.decision import Reason  # noqa: E402
from search.searcher import Searcher  # noqa: E402
from spaces.space import Draw, Range  # noqa: E402

WORKERS = 4
BUDGETS = (30, 60, 120)


@dataclass(frozen=True)
class Ended:
    """One trial: what it drew, what became of it, the level it showed and its true quality."""

    drawn: dict[str, Any]
    outcome: str
    epochs: int
    level: float | None
    quality: float


def plain(task: Task, trial: optuna.Trial) -> dict[str, Any]:
    """Define-by-run: what is not asked for is not drawn."""
    drawing = Draw(trial)
    task.space(drawing)
    return drawing.values


def flattened(task: Task, trial: optuna.Trial) -> dict[str, Any]:
    """Every parameter is drawn, those of closed branches too; the space then takes what it asks for."""
    for name, one in task.found.items():
        ask(trial, name, one)
    return plain(task, trial)


def ask(trial: optuna.Trial, name: str, one: Range) -> None:
    if one.kind == "float":
        trial.suggest_float(name, one.low, one.high, log=one.log)
    elif one.kind == "int":
        trial.suggest_int(name, int(one.low), int(one.high), log=one.log)
    else:
        trial.suggest_categorical(name, list(one.choices))


Drawing = Callable[[Task, optuna.Trial], dict[str, Any]]


def tpe(seed: int, **more: Any) -> optuna.samplers.BaseSampler:
    return optuna.samplers.TPESampler(seed=seed, **more)


CONDITIONAL: dict[str, tuple[Drawing, Callable[[int], optuna.samplers.BaseSampler]]] = {
    "tpe, define by run": (plain, tpe),
    "tpe, flattened": (flattened, tpe),
    "tpe, group=True": (plain, lambda seed: tpe(seed, group=True)),
    "tpe, univariate": (plain, lambda seed: tpe(seed, multivariate=False)),
    "random": (plain, lambda seed: optuna.samplers.RandomSampler(seed=seed)),
}


def searcher_of(task: Task, drawing: Drawing, sampler: optuna.samplers.BaseSampler) -> Searcher:
    made = Searcher(lambda trial: drawing(task, trial), "max", "random", 0)
    made.sampler_of = lambda trial: sampler
    return made


def sweep(
    task: Task, searcher: Searcher, trials: int, seed: int, first: list[dict[str, Any]] | None = None
) -> list[Ended]:
    """One sweep, its workers in turn an epoch each; `first` is trained before anything is asked for."""
    asha, curves, drawn = StoppingASHA(3, 3.0, EPOCHS), {}, {}
    ended: dict[int, Ended] = {}
    queue = list(first or [])
    running: list[int] = []
    while len(ended) < trials:
        while len(running) < WORKERS and len(drawn) < trials:
            number = len(drawn)
            drawn[number] = searcher.ask(number, queue.pop(0) if queue else None)
            curves[number] = Curve()
            running.append(number)
        for number in list(running):
            outcome = step(task, asha, searcher, number, curves[number], drawn[number], seed)
            if outcome:
                level = curves[number].level
                searcher.tell(number, outcome, level)
                ended[number] = Ended(drawn[number], outcome, curves[number].epoch, level, task.quality(drawn[number]))
                running.remove(number)
    return [ended[number] for number in sorted(ended)]


def step(
    task: Task, asha: StoppingASHA, searcher: Searcher, number: int, curve: Curve, drawn: Mapping[str, Any], seed: int
) -> Any:
    """One epoch of one trial; what became of it, or None while it goes on."""
    epoch = curve.epoch + 1
    value = task.value(drawn, epoch, f"{seed}/{number}")
    curve.add(Point(epoch, value, 1.0))
    searcher.report(number, epoch, value)
    if value is None:
        asha.end(number, "nonfinite")
        return "infeasible"
    if epoch == EPOCHS:
        return "complete"
    asha.arrive(number, curve)
    rung = asha.due(number)
    if rung is None:
        return None
    action = asha.action(number, rung, 1)
    asha.record(number, rung, action)
    return "pruned" if action == "stop" else None


@cache
def reachable(space: str, seed: int) -> float:
    """The best true quality of 20,000 random draws that do not diverge."""
    task = Task.of(space, seed)
    return best_of(task, seed)


def best_of(task: Task, seed: int) -> float:
    found = 0.0
    source = random.Random(f"reach/{seed}")
    for _ in range(20_000):
        drawn = drawn_at_random(task, source)
        if task.diverges_at(drawn) is None:
            found = max(found, task.quality(drawn))
    return found


class RandomTrial:
    """Draws evenly, like Optuna's random sampler but fast."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        share = self._source.random()
        return float(low * (high / low) ** share) if log else low + (high - low) * share

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return self._source.randint(low, high)

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._source.choice(choices)


def drawn_at_random(task: Task, source: random.Random) -> dict[str, Any]:
    drawing = Draw(RandomTrial(source))
    task.space(drawing)
    return drawing.values


def selected(trials: list[Ended]) -> float:
    """The true quality of the complete trial that looked best; 0 without one."""
    complete = [one for one in trials if one.outcome == "complete" and one.level is not None]
    return max(complete, key=lambda one: one.level or 0.0).quality if complete else 0.0


def measured(
    space: str, seed: int, arm: str, trials: list[Ended], budgets: Sequence[int], title: str
) -> list[dict[str, Any]]:
    """One row a budget: the regret after so many trials, and what the `enough` part needs."""
    return [
        {
            "space": title,
            "seed": seed,
            "arm": arm,
            "budget": budget,
            "regret": reachable(space, seed) - selected(trials[:budget]),
            "epochs": sum(one.epochs for one in trials[:budget]),
            "trials": [(one.outcome, one.epochs, one.level, one.quality) for one in trials[:budget]],
        }
        for budget in budgets
    ]


def conditional(job: tuple[str, int]) -> list[dict[str, Any]]:
    """All arms of one space and seed: regret after each budget. A sweep of 120 trials begins as one of 30 does."""
    space, seed = job
    task, rows = Task.of(space, seed), []
    for arm, (drawing, sampler) in CONDITIONAL.items():
        trials = sweep(task, searcher_of(task, drawing, sampler(seed)), max(BUDGETS), seed)
        rows += measured(space, seed, arm, trials, BUDGETS, space)
    return rows


SITUATIONS: dict[str, Callable[[Task, int], Task]] = {
    "same data": lambda task, seed: task,
    "related data": lambda task, seed: task.moved(0.08, seed, scale=0.6, offset=0.5),
    "other task": lambda task, seed: replace(Task.of(task.name, seed + 500), scale=0.6, offset=0.1),
}
"""What the earlier sweep was trained on."""


class Raw(Searcher):
    """Takes the earlier sweep's values as they are."""

    def recall(self, earlier: EarlierTrial) -> None:
        super().recall(earlier)
        self._storage.earlier.clear()


WARM = ("cold", "raw", "standardised", "3 best first", "standardised, 3 best first")


def warm_sweep(arm: str, task: Task, past: list[Ended], seed: int) -> list[Ended]:
    """A sweep of 30 trials that learns from `past` as `arm` has it."""
    drawing, sampler = CONDITIONAL["tpe, define by run"]
    made = (Raw if arm == "raw" else Searcher)(lambda trial: drawing(task, trial), "max", "random", 0)
    chosen = sampler(seed)
    made.sampler_of = lambda trial: chosen
    complete = sorted((one for one in past if one.outcome == "complete"), key=lambda one: -(one.level or 0.0))
    first = [one.drawn for one in complete[:3]] if "first" in arm else []
    kinds: dict[str, Reason] = {"complete": "done", "pruned": "rung", "infeasible": "nonfinite"}
    for number, one in enumerate(past if arm not in ("cold", "3 best first") else []):
        numbers = {} if one.level is None else {"level": one.level}
        made.recall(EarlierTrial("past", number, one.drawn, one.epochs, kinds[one.outcome], numbers))
    return sweep(task, made, 30, seed, first)


def warm(job: tuple[str, int]) -> list[dict[str, Any]]:
    """All arms of one space and seed in each situation, after an earlier sweep of 60 trials."""
    space, seed = job
    task, rows = Task.of(space, seed), []
    drawing, sampler = CONDITIONAL["tpe, define by run"]
    for situation, situate in SITUATIONS.items():
        then = situate(task, seed)
        past = sweep(then, searcher_of(then, drawing, sampler(seed + 1000)), 60, seed + 1000)
        for arm in WARM:
            trials = warm_sweep(arm, task, past, seed)
            rows += measured(space, seed, arm, trials, (10, 20, 30), f"{situation} ({space})")
    return rows


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean with the 95 % bootstrap interval over seeds."""
    source = random.Random(0)
    means = sorted(statistics.fmean(source.choices(values, k=len(values))) for _ in range(2000))
    return statistics.fmean(values), means[50], means[1949]


def table(rows: list[dict[str, Any]], base: str) -> None:
    """Mean regret an arm, and its paired difference to `base`; in points (hundredths of the metric)."""
    groups = sorted({(row["space"], row["budget"]) for row in rows}, key=lambda one: (one[0], one[1]))
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    for space, budget in groups:
        regrets = {
            arm: {
                row["seed"]: 100 * row["regret"]
                for row in rows
                if (row["space"], row["budget"], row["arm"]) == (space, budget, arm)
            }
            for arm in arms
        }
        epochs = {
            arm: [row["epochs"] for row in rows if (row["space"], row["budget"], row["arm"]) == (space, budget, arm)]
            for arm in arms
        }
        print(f"\n{space}, {budget} trials, {len(regrets[base])} seeds")
        for arm in arms:
            mean, low, high = interval(list(regrets[arm].values()))
            gap = interval([regrets[arm][seed] - regrets[base][seed] for seed in regrets[base]])
            paired = "" if arm == base else f"  against it {gap[0]:+.2f} [{gap[1]:+.2f}, {gap[2]:+.2f}]"
            own = f"regret {mean:5.2f} [{low:.2f}, {high:.2f}]  {statistics.fmean(epochs[arm]):5.0f} epochs"
            print(f"  {arm:28s} {own}{paired}")


def stopped_early(rows: list[dict[str, Any]]) -> None:
    """What `search.enough` saves of sweeps of 120 trials that were run, and what it costs against running them all.

    "at others' number" ends each sweep after as many trials as the rule gave another seed: what the rule's timing, as
    opposed to how often it ends a sweep, is worth.
    """
    whole = [row for row in rows if row["budget"] == max(BUDGETS)]
    for arm in dict.fromkeys(row["arm"] for row in whole):
        for patience in (5, 10, 15):
            sweeps = [[Ended({}, *one) for one in row["trials"]] for row in whole if row["arm"] == arm]
            counts = [trials_until(trials, patience) for trials in sweeps]
            others = random.Random(1).sample(counts, len(counts))
            lost, blind = (
                interval(
                    [100 * (selected(one) - selected(one[:count])) for one, count in zip(sweeps, each, strict=True)]
                )
                for each in (counts, others)
            )
            saved = 1 - statistics.fmean(counts) / max(BUDGETS)
            costs = f"{lost[0]:5.2f} [{lost[1]:.2f}, {lost[2]:.2f}]"
            print(f"  {arm:20s} patience {patience:2d}: {saved:4.0%} of trials saved, regret +{costs},", end="")
            print(f" at others' number {blind[0]:+.2f} [{blind[1]:+.2f}, {blind[2]:+.2f}]")


def missed(sweeps: list[list[Ended]], counts: list[int]) -> list[float]:
    """By how many points the choice after so many trials is worse than the choice after all."""
    return [100 * (selected(one) - selected(one[:count])) for one, count in zip(sweeps, counts, strict=True)]


def trials_until(trials: list[Ended], patience: int) -> int:
    """After how many trials the sweep ends itself."""
    for count in range(1, len(trials)):
        levels = [one.level for one in trials[:count] if one.outcome == "complete" and one.level is not None]
        if enough(levels, [EPOCH_NOISE] * len(levels), patience):
            return count
    return len(trials)


PARTS = {"conditional": (conditional, "tpe, define by run"), "warm": (warm, "cold")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=[*PARTS, "enough", "table"])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rows", type=Path, help="write every row there as JSON")
    parser.add_argument("--spaces", nargs="+", default=["detector", "branched"], help="'…, coupled' is known too")
    parser.add_argument("--arms", nargs="+", help="only these of the conditional part")
    given = parser.parse_args()
    if given.part in ("enough", "table"):
        rows = json.loads(given.rows.read_text(encoding="utf-8"))
        stopped_early(rows) if given.part == "enough" else table(rows, rows[0]["arm"])
        return
    run, base = PARTS[given.part]
    for arm in list(CONDITIONAL) if given.arms else []:
        if arm not in given.arms:
            del CONDITIONAL[arm]
    jobs = [(space, seed) for seed in range(given.seeds) for space in given.spaces]
    rows = []
    with Pool(given.processes) as pool:
        for found in pool.imap(run, jobs):
            rows += found
            if given.rows:  # as they come: what was measured is kept if the rest is not
                given.rows.write_text(json.dumps(rows), encoding="utf-8")
    table(rows, base)


if __name__ == "__main__":
    main()
