"""From the rows of a log, as they come, to the epochs of a training, each once and in order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trainables.errors import DataError
from trainables.logs.csv_table import MAX_EPOCH
from trainables.objective import Source

SAME = 1e-6
"""Relative difference up to which two values are the same: logs round."""
_BEYOND = 0.01
"""Share of an epoch by which a fraction may be above a whole number and still belong to the epoch before."""
_A_COUNT_EACH = ("tensorboard", "mlflow")
"""Kinds of source in which each name has a count of its own: one may count epochs, another steps."""


@dataclass(frozen=True)
class LogRow:
    """What a log says at a time.

    Attributes:
        epoch: as the log counts: epochs from 0 or 1, fractions of them, or steps. None if it does not count.
        values: numbers by name; may be NaN or infinite.
    """

    epoch: float | None
    values: Mapping[str, float]


@dataclass(frozen=True)
class LoggedEpoch:
    """One epoch.

    Attributes:
        epoch: from 1.
        values: all that the log says of it; empty if it says nothing.
    """

    epoch: int
    values: dict[str, float]


@dataclass
class EpochRows:
    """Puts rows together to epochs.

    An epoch is complete when its row has all `required` and `others`, or a row of a later epoch has come. With
    `source.rows: step` an epoch has several rows, so only a later epoch completes it.

    In the sources of `_A_COUNT_EACH` only rows of these names count epochs. A value of another name belongs to an epoch
    if it is the only one since the row before, and has that epoch's count.

    Attributes:
        required: names without which an epoch counts as not evaluated.
        others: names of losses and rates that are waited for too.
        source: how epochs are counted.
        last: epochs that are finished.
        first: what the log calls its first epoch; None until a row tells.
        seen: the values of each epoch that is finished or has begun.
        resumed: whether epochs up to `last` were trained before, so that rows for them are repetitions.
        difference: how a repeated row differs from the first one; "" if none does.
        began_again: whether a script that was to go on trains from its first epoch instead.
        too_late: the first value of the metric that came after its epoch had been completed without it; "" if none.
    """

    required: Sequence[str]
    others: Sequence[str]
    source: Source
    last: int = 0
    first: int | None = None
    seen: dict[int, dict[str, float]] = field(default_factory=dict)
    resumed: bool = False
    difference: str = ""
    began_again: bool = False
    too_late: str = ""
    _counted: int = 0
    _finished: bool = False
    _count: float | None = None
    """Of the last row that counts, in the sources of `_A_COUNT_EACH`."""
    _others_since: dict[str, tuple[float, float] | None] = field(default_factory=dict)
    """Count and value of each other name since that row; None if it had several counts."""
    _repeated: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._counted = self.last

    @property
    def newest(self) -> int:
        """The highest epoch of which something is known."""
        return max(self.seen, default=0)

    def add(self, rows: Iterable[LogRow]) -> None:
        """Take the rows that came at a time.

        Raises:
            DataError: one gives a value of the metric again, and another one; or counts no epochs.
        """
        epochs = [epoch for row in rows if (epoch := self._add(row)) > 0]
        # A script that writes its whole table anew repeats its first epochs too, but with new ones behind them.
        if self.resumed and epochs and max(epochs) <= self.last:
            self._repeated.append(max(epochs))
            self.began_again = 1 in self._repeated and len(set(self._repeated)) > 1

    def _add(self, row: LogRow) -> int:
        if self.source.kind in _A_COUNT_EACH:
            if not any(name in row.values for name in (*self.required, *self.others)):
                self._keep(row)
                return 0
            row = self._with_others(row)
        epoch = self._number(row)
        if epoch < 1:
            return epoch
        values = self.seen.get(epoch)
        if epoch <= self.last and values is not None:
            self._compare(epoch, values, row.values)
        elif epoch > self.last:
            if self.source.rows == "epoch":
                self._check_once(epoch, values or {}, row.values)
            self.seen[epoch] = {**(values or {}), **row.values}
        return epoch

    def _keep(self, row: LogRow) -> None:
        """Take a row of names that nothing waits for: none of them begins an epoch, or completes one."""
        count = row.epoch
        assert count is not None, "every name has a count in these sources"
        if count == self._count:
            epoch = self._number(row)
            if epoch > self.last and epoch in self.seen:
                self.seen[epoch].update(row.values)
            return
        for name, value in row.values.items():
            other = self._others_since.get(name, (count, value))
            self._others_since[name] = (count, value) if other and other[0] == count else None

    def _with_others(self, row: LogRow) -> LogRow:
        """`row` with the values that belong to it of names that nothing waits for."""
        if row.epoch == self._count:
            return row
        others = {name: other[1] for name, other in self._others_since.items() if other and other[0] == row.epoch}
        self._count, self._others_since = row.epoch, {}
        return LogRow(row.epoch, {**others, **row.values})

    def finish(self) -> None:
        """The script has ended: what is there is complete."""
        self._finished = True

    def ready(self) -> Iterator[LoggedEpoch]:
        """The epochs that are complete and were not given before; one without a row comes before a later one's."""
        while (epoch := self.last + 1) <= self.newest and self._complete(epoch):
            self.last = epoch
            yield LoggedEpoch(epoch, self.seen.setdefault(epoch, {}))

    def _number(self, row: LogRow) -> int:
        if row.epoch is None:
            if not any(name in row.values for name in self.required):
                return self._counted + 1
            self._counted += 1
            return self._counted
        if not math.isfinite(row.epoch) or row.epoch / self.source.every > MAX_EPOCH:
            raise DataError(
                f"epoch is {row.epoch:g}; it must be a number of at most {MAX_EPOCH:,}; if it counts steps, say "
                "`every: STEPS` in metric.source, with the steps of an epoch"
            )
        if self.source.every > 1 or row.epoch != int(row.epoch):
            return max(0, math.ceil(row.epoch / self.source.every - _BEYOND))
        if self.first is None:
            self.first = self.source.first if self.source.first is not None else 0 if row.epoch == 0 else 1
        return int(row.epoch) + 1 - self.first

    def _complete(self, epoch: int) -> bool:
        if self._finished:
            return True
        values = self.seen.get(epoch, {})
        evaluated = all(name in values for name in self.required)
        if self.source.rows == "epoch" and evaluated and all(name in values for name in self.others):
            return True
        return self.newest > epoch + (0 if evaluated else self.source.late)

    def _compare(self, epoch: int, before: dict[str, float], now: Mapping[str, float]) -> None:
        for name in (*self.required, *self.others):
            if name not in now:
                continue
            if name not in before:
                if name in self.required and not self.resumed:
                    self.too_late = self.too_late or f"{name} of epoch {epoch}"
                continue
            if not self.resumed:
                self._check_once(epoch, before, now)
            elif not self.difference and not _same(before[name], now[name]):
                self.difference = f"{name} of epoch {epoch} was {before[name]:g}, and then {now[name]:g}"

    def _check_once(self, epoch: int, before: Mapping[str, float], now: Mapping[str, float]) -> None:
        for name in self.required:
            if name in before and name in now and not _same(before[name], now[name]):
                raise DataError(
                    f"{name} of epoch {epoch} is given twice, {before[name]:g} and {now[name]:g}; if an epoch has "
                    "several rows, say `rows: step` in metric.source, and its last one counts"
                )


def _same(value: float, other: float) -> bool:
    return (math.isnan(value) and math.isnan(other)) or math.isclose(value, other, rel_tol=SAME)
