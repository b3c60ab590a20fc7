"""The product's own classes as rules, with each of their switches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from search.pruning.curve import Curve
from search.pruning.peers import median_of_peers
from search.pruning.promoting import PromotingASHA
from search.pruning.rungs import early_rungs, first_rung
from search.pruning.scheduler import Scheduler
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import doubtful, verdict
from search.pruning.stopping import StoppingASHA
from search.sweep.plan import GRACE
from tests.bench.public.groups import Group
from tests.bench.public.virtual import Action, MakeRule, Rule

DEFAULT = StabilitySettings()
OSCILLATING = StabilitySettings(oscillation_cv=0.2)
SOONER = StabilitySettings(min_epochs=1, no_best_epochs=10, collapse_share=0.2, collapse_after=0.3, demote=False)
"""The rules as they were before trials were demoted."""


class ManyASHA(PromotingASHA):
    """Of a few trials the same share is promoted as of many."""

    thinning_few = PromotingASHA.thinning


class EvenASHA(PromotingASHA):
    """Places become fewer as the epochs become more, so that each rung gets as many epochs."""

    thinning = 1.0


class HalfCurve(Curve):
    """An outlook that adds half of what the second half of the curve gained on the first."""

    @property
    def projected_value(self) -> float | None:
        projected, values = super().projected_value, self.finite_values
        second = values[len(values) // 2 :]
        return projected if projected is None or len(values) < 2 else (projected + sum(second) / len(second)) / 2


class LevelCurve(Curve):
    """Compared by the mean of its last three values."""

    @property
    def projected_value(self) -> float | None:
        return self.smoothed_value


class LastCurve(Curve):
    """Compared by its last value."""

    @property
    def projected_value(self) -> float | None:
        return self.evaluated[-1].value if self.evaluated else None


class BestCurve(Curve):
    """Compared by its best value so far."""

    @property
    def projected_value(self) -> float | None:
        return self.best_value


class LeaderlessCurve(Curve):
    """The best outlook leads a rung, instead of the best value."""

    @property
    def best_value(self) -> float | None:
        return self.projected_value


class Ours(Rule):
    """ASHA and the stability verdicts as a sweep applies them: verdicts first."""

    def __init__(
        self, group: Group, asha: Scheduler, stability: StabilitySettings | None, curve: Callable[[], Curve]
    ) -> None:
        self._asha, self._stability, self._max_epochs, self._total = asha, stability, group.max_epochs, len(group.runs)
        self.curve = curve
        self.curves: dict[int, Curve] = {}

    def starts(self, trial: int) -> bool:
        self._asha.start(trial, {})
        self.curves[trial] = self.curve()  # replaced by the trial's own with its first report
        return True

    def report(self, trial: int, curve: Curve) -> Action:
        self.curves[trial] = curve
        self._asha.arrive(trial, curve)
        if self._stability:
            peers = partial(self._median, trial)
            if decision := verdict(curve, self._max_epochs, self._stability, peers=peers):
                self._asha.end(trial, decision.reason)
                return "stop"
            passed = self._asha.demotion(trial)
            if passed is not None and doubtful(curve, self._max_epochs, self._stability, peers):
                self._asha.demote(trial, passed)
                return "pause"
        rung = self._asha.due(trial)
        if rung is None:
            return "continue"
        action = self._asha.action(trial, rung, self._total - len(self.curves))
        self._asha.record(trial, rung, action)
        if action == "stop":
            self._asha.end(trial, "rung")
        return action

    def _median(self, trial: int, epoch: int) -> float | None:
        return median_of_peers(curve.best_by(epoch) for other, curve in self.curves.items() if other != trial)

    def end(self, trial: int, curve: Curve) -> None:
        self.curves[trial] = curve
        self._asha.arrive(trial, curve)
        self._asha.end(trial, "done")

    def promote(self, left: int) -> int | None:
        promotable = self._asha.promotable(left)
        if promotable is None:
            return None
        trial, rung = promotable
        self._asha.record(trial, rung, "continue")
        return trial


def promoting(
    grace: float,
    factor: float = 1.4,
    min_peers: int = 8,
    stability: StabilitySettings | None = None,
    curve: Callable[[], Curve] = Curve,
    asha: type[PromotingASHA] = PromotingASHA,
    early: bool = False,
) -> MakeRule:
    """The default kind; `grace` as a share of a training, before which there may be `early` rungs."""

    def make(group: Group) -> Ours:
        first = first_rung(grace, group.max_epochs)
        before = early_rungs(first, factor) if early else []
        scheduler = asha(first, factor, group.max_epochs, min_peers, DEFAULT.collapse_value, before)
        return Ours(group, scheduler, stability, curve)

    return make


def stopping(grace: float, factor: float = 3.0, stability: StabilitySettings | None = None) -> MakeRule:
    """The kind that ends at once whoever is behind."""
    return lambda group: Ours(
        group, StoppingASHA(first_rung(grace, group.max_epochs), factor, group.max_epochs), stability, Curve
    )


def verdicts_alone(stability: StabilitySettings) -> MakeRule:
    """No rungs: what the stability verdicts do on their own. (The only rung would lie at the end.)"""
    return lambda group: Ours(group, StoppingASHA(group.max_epochs, 3.0, group.max_epochs), stability, Curve)


def rules() -> dict[str, MakeRule]:
    """By the name in the table. The other switches are tried without verdicts, which take most of a replay's time."""
    makers: dict[str, MakeRule] = {"steadytune, the default": promoting(GRACE, stability=DEFAULT, early=True)}
    for grace in (0.05, 0.06, GRACE, 0.10):
        makers[f"steadytune, grace {grace:.0%}"] = promoting(grace, stability=DEFAULT)
    for grace in (0.05, GRACE):
        at = f"  grace {grace:.0%}"
        makers |= {
            f"{at}, with the oscillating verdict": promoting(grace, stability=OSCILLATING),
            f"{at}, no demotions": promoting(grace, stability=StabilitySettings(demote=False)),
            f"{at}, no demotions for oscillation": promoting(grace, stability=StabilitySettings(demote_cv=0)),
            f"{at}, sooner verdicts, no demotions": promoting(grace, stability=SOONER),
            f"{at}, sooner verdicts, no demotions, few as many": promoting(grace, stability=SOONER, asha=ManyASHA),
            f"{at}, few as many": promoting(grace, stability=DEFAULT, asha=ManyASHA),
            f"{at}, no verdicts": promoting(grace),
            f"{at}, as many epochs for each rung": promoting(grace, asha=EvenASHA),
            f"{at}, half of the gain": promoting(grace, curve=HalfCurve),
            f"{at}, no place for the leader": promoting(grace, curve=LeaderlessCurve),
            f"{at}, compared by the mean of 3": promoting(grace, curve=LevelCurve),
            f"{at}, compared by the last value": promoting(grace, curve=LastCurve),
            f"{at}, compared by the best so far": promoting(grace, curve=BestCurve),
            f"{at}, waits for no peers": promoting(grace, min_peers=1),
            f"{at}, waits for 16 peers": promoting(grace, min_peers=16),
            f"{at}, factor 2": promoting(grace, factor=2.0),
            f"{at}, factor 3": promoting(grace, factor=3.0),
            f"{at}, stopping, factor 3": stopping(grace),
        }
    makers["  verdicts alone, no rungs"] = verdicts_alone(DEFAULT)
    makers["  verdicts alone, with the oscillating one"] = verdicts_alone(OSCILLATING)
    return makers
