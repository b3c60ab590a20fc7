"""A worker counts as standing still if its trial is silent and its number does not change, and only then."""

from __future__ import annotations

from search.execution.heartbeat import GRACE_SECONDS, SilenceWatch

LIMIT = 600.0


class Workers:
    """Workers' numbers and a clock, both moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.counts: dict[int, bytes] = {}
        self.looks = 0
        self.watch = SilenceWatch(LIMIT, self._count, lambda: self.now)

    def _count(self, trial: int) -> bytes:
        self.looks += 1
        return self.counts.get(trial, b"")

    def pass_time(self, seconds: float, *counting: int, running: tuple[int, ...] = (0, 1)) -> list[int]:
        """Let time pass in steps of five seconds; returns the trials whose workers were said to stand still."""
        still: list[int] = []
        for _ in range(int(seconds / 5)):
            self.now += 5
            for trial in counting:
                self.counts[trial] = str(self.now).encode()
            still += self.watch.standing_still(list(running))
        return still


def test_a_worker_that_neither_reports_nor_counts_stands_still() -> None:
    workers = Workers()
    assert workers.pass_time(30, 0, 1) == []
    assert workers.pass_time(LIMIT + GRACE_SECONDS - 40, 1) == []
    assert workers.pass_time(120, 1) == [0]


def test_a_worker_that_counts_is_left_alone_however_long_it_is_silent() -> None:
    """It waits for a storage; an epoch that takes too long is ended inside its process."""
    workers = Workers()
    assert workers.pass_time(20 * LIMIT, 0, 1) == []


def test_a_trial_that_reports_is_left_alone_whether_its_worker_counts_or_not() -> None:
    workers = Workers()
    for _ in range(20):
        assert workers.pass_time(LIMIT - 10) == []
        workers.watch.hear(0)
        workers.watch.hear(1)
    assert workers.looks == 0, "nothing is asked of the head node while epochs arrive"


def test_a_worker_that_goes_on_in_time_is_left_alone() -> None:
    workers = Workers()
    assert workers.pass_time(LIMIT + GRACE_SECONDS / 2, 1) == []
    assert workers.pass_time(5, 0, 1) == []
    assert workers.pass_time(GRACE_SECONDS, 0, 1) == []


def test_after_it_was_replaced_the_limit_begins_anew() -> None:
    workers = Workers()
    assert workers.pass_time(LIMIT + GRACE_SECONDS + 20, 1) == [0]
    assert workers.pass_time(LIMIT - 20, 1) == []
    assert workers.pass_time(GRACE_SECONDS + 60, 1) == [0]


def test_a_trial_that_has_ended_is_forgotten() -> None:
    workers = Workers()
    assert workers.pass_time(LIMIT - 10, 1) == []
    assert workers.pass_time(10, 1, running=(1,)) == []
    assert workers.pass_time(LIMIT - 10, 1) == [], "it was promoted, so it has been running for a short time"
