"""Shows a sweep while it runs: a live view on a terminal, elsewhere one line per event."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from rich.console import Console
from rich.live import Live

from search.journal.events import Decided, EpochDone, Requested, Row, SearchEnded, TrialStarted
from search.state.sweep_state import SweepState
from search.views.live_view import live_view, progress_line
from search.views.status_table import description, happened, label, request_line
from trainables.metric_text import metric_text

REFRESH_SECONDS = 0.25
LINE_SECONDS = 60.0
"""Between two lines of a log that say how far the sweep is."""


class Progress(AbstractContextManager["Progress"]):
    """Listens to a coordinator inside a `with` block."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        # Drawn once a second, so that its clock goes on during long epochs too.
        self._live = Live(console=console, refresh_per_second=1, transient=True) if console.is_terminal else None
        self._refreshed = -math.inf
        self._told = 0.0  # when the last line said how far the sweep is, in its own seconds
        self._block: AbstractContextManager[object] = self._live or nullcontext()

    def __enter__(self) -> Progress:
        self._block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._block.__exit__(kind, error, trace)

    def __call__(self, row: Row, state: SweepState) -> None:
        """Show one event."""
        if self._live:
            # Not for each event: drawing takes milliseconds in which Ray's loop, and so every trial, waits.
            if time.monotonic() - self._refreshed >= REFRESH_SECONDS:
                title = f"{self._name}: {state.plan.recipe.name}, {state.plan.spec.preset} preset"
                self._live.update(live_view(state, title, self._console), refresh=True)
                self._refreshed = time.monotonic()
            return
        lines = [event_line(row, state)]
        if isinstance(row.event, Decided) and state.active_seconds >= self._told + LINE_SECONDS:
            lines.append(progress_line(state))
            self._told = state.active_seconds
        for line in filter(None, lines):
            self._console.print(line, soft_wrap=True, highlight=False, markup=False)


def event_line(row: Row, state: SweepState) -> str:
    """One event as a line of text; "" for events that are not shown."""
    event = row.event
    if isinstance(event, TrialStarted):
        trial = state.trials[event.trial]
        return f"trial {label(trial)} starts: {description(trial)}"
    if isinstance(event, EpochDone):
        value = state.trials[event.trial].curve.points[-1].value
        loss = event.losses.get("train", float("nan"))
        seconds = sum(event.seconds.values())
        epoch = f"trial {event.trial} epoch {event.epoch}/{state.plan.max_epochs}"
        return f"{epoch}: {state.plan.recipe.metric} {metric_text(value)}, training loss {loss:.4g}, {seconds:.1f} s"
    if isinstance(event, Decided):
        decisions = state.trials[event.trial].decisions  # this one is the last
        verb = happened(event, decisions[-2] if len(decisions) > 1 else None)
        return f"trial {event.trial} {verb} after epoch {event.epoch} ({event.reason}): {event.detail}"
    if isinstance(event, Requested):
        return request_line(event)
    if isinstance(event, SearchEnded):
        return f"the search ended early: {event.detail}"
    return ""
