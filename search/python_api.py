"""Sweeps from Python: what `import steadytune` gives."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.next_step import DEFAULT_SWEEPS
from search.state.outcome import finalists, result
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder, names
from search.sweep.spec import SweepSpec
from search.sweep.sweep_file import read_sweep, with_bounds
from search.views.figures import outcome
from trainables.errors import SettingsError, SteadytuneError

if TYPE_CHECKING:  # they take a second to import
    import pandas as pd

    from search.views.charts.html import Figure


@dataclass(frozen=True)
class Best:
    """The configuration that a sweep has found.

    Attributes:
        trial: its number.
        settings: all of them.
        drawn: those that the search has chosen; empty for a named training.
        value: of the metric: the mean over the fresh seeds, or the search's own if nothing was confirmed.
        std: over the fresh seeds; 0 without any.
        values: of each fresh seed.
    """

    trial: int
    settings: Mapping[str, Any]
    drawn: Mapping[str, Any]
    value: float
    std: float
    values: tuple[float, ...]


class Sweep:
    """A sweep on disk, as it is when it is looked at: it may run meanwhile, in this process or in another one.

    Args:
        name: of the sweep.
        sweeps: folder of the sweeps.

    Raises:
        SteadytuneError: there is none of that name.
    """

    def __init__(self, name: str, sweeps: str | Path = DEFAULT_SWEEPS) -> None:
        self.folder = SweepFolder.existing(Path(sweeps), name)

    def __repr__(self) -> str:
        return f"Sweep({self.name!r}, sweeps={str(self.folder.root)!r})"

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    @cached_property
    def _follower(self) -> Any:
        from search.state.follower import SweepFollower  # imports PyArrow

        return SweepFollower(self.folder)

    @property
    def state(self) -> SweepState:
        """What its journal adds up to by now."""
        state: SweepState = self._follower.read()
        return state

    @property
    def best(self) -> Best | None:
        """The best configuration by now; None before a trial has trained to its end."""
        ranked = finalists(self.state)
        if not ranked:
            return None
        winner = ranked[0]
        started = winner.trial.started
        return Best(started.trial, started.settings, started.drawn, winner.mean, winner.std, winner.values)

    def trials(self) -> pd.DataFrame:
        """A row for each trial, by its number.

        Columns: `kind` (search, confirm, audit), `named`, `of` (the trial that it confirms or audits), `outcome`,
        `reason` and `detail` of its last decision, `epochs`, `seconds`, the metric (the value that trials are ranked
        by), and each setting that varies.
        """
        import pandas as pd

        state = self.state
        rows = []
        for trial in state.trials.values():
            last = trial.decisions[-1] if trial.decisions else None
            rows.append(
                {
                    "trial": trial.number,
                    "kind": trial.started.kind,
                    "named": trial.started.named,
                    "of": trial.started.of,
                    "outcome": outcome(trial),
                    "reason": last.reason if last else "",
                    "detail": last.detail if last else "",
                    "epochs": trial.curve.epoch,
                    "seconds": sum(trial.seconds),
                    state.plan.recipe.metric: trial.curve.objective_value,
                    **{name: trial.started.settings.get(name) for name in state.plan.ranges},
                }
            )
        return pd.DataFrame(rows).set_index("trial") if rows else pd.DataFrame()

    def curves(self) -> pd.DataFrame:
        """A row for each epoch of each trial, in the order in which they arrived.

        Columns: `trial`, `epoch`, `phase`, `seconds`, each metric by its name, and each loss as `loss/NAME`.
        """
        import pandas as pd

        from search.journal.events import EpochDone
        from search.journal.segments import read

        rows = [
            {
                "trial": row.event.trial,
                "epoch": row.event.epoch,
                "phase": row.event.phase,
                "seconds": sum(row.event.seconds.values()),
                **row.event.metrics,
                **{f"loss/{name}": value for name, value in row.event.losses.items()},
            }
            for row in (read(self.folder.journal) if self.folder.journal.is_dir() else ())
            if isinstance(row.event, EpochDone)
        ]
        return pd.DataFrame(rows)

    def plot_curves(self) -> Figure:
        """The learning curves, by outcome."""
        return self._figure("learning_curves")

    def plot_best(self) -> Figure:
        """The best value so far, against the epochs that the search has taken."""
        return self._figure("best_so_far")

    def plot_parallel(self) -> Figure:
        """Settings and metric of each trial on parallel axes."""
        return self._figure("parallel")

    def plot_importance(self) -> Figure:
        """How much each setting decides."""
        from search.views.charts.html import plotly_figure
        from search.views.figures import importance_chart
        from search.views.importance import importance

        return plotly_figure(importance_chart(importance(self.state)))

    def _figure(self, name: str) -> Figure:
        from search.views import figures
        from search.views.charts.html import plotly_figure

        return plotly_figure(getattr(figures, name)(self.state))

    def resume(self, *, show: bool = True, **more: Any) -> Sweep:
        """Continue it, with more to do if `trials`, `total_epochs` or `hours` say so: in all, not from now on.

        Args:
            show: print what happens.
            more: changes of its budget, or of `set`, such as set={"lr.high": 0.1}.

        Raises:
            SteadytuneError: it has ended and is given nothing more, or it cannot run.
        """
        if unknown := more.keys() - {"trials", "total_epochs", "hours", "set"}:
            listed = ", ".join(sorted(unknown))
            raise SettingsError(f"resume: {listed} cannot be changed; trials, total_epochs, hours and set can")
        if more:
            from search.control.reopen import change  # imports PyArrow
            from search.stages.progress import refuse_reopening

            refuse_reopening(self.folder)
            if "set" in more:
                more["set"] = with_bounds(self.folder.spec().set, more["set"])
            change(self.folder, more)
        _run(self.name, self.folder.root, None, show)
        return self

    def export(self, trial: int | None = None, to: str | Path | None = None) -> Path:
        """Write a configuration in the recipe's own format, with its best checkpoint.

        Args:
            trial: the best if None.
            to: folder to write; the sweep's `best` or `trial-NNNN` if None.

        Returns:
            The folder.

        Raises:
            SteadytuneError: there is no such trial, or none has trained to its end.
        """
        from search.export.bundle import check_target, export

        state = self.state
        chosen = result(state).trial if trial is None else state.trial(trial).started.of
        if chosen < 0:
            raise SteadytuneError(f"no trial of sweep {self.name} trained to its end yet; name one with trial=")
        target = Path(to).absolute() if to else self.folder.best if trial is None else self._trial_export(chosen)
        if to:
            check_target(target)
        export(state, self.folder, chosen, target)
        return target

    def _trial_export(self, trial: int) -> Path:
        return self.folder.path / f"trial-{trial:04d}"

    def report(self, to: str | Path | None = None) -> Path:
        """Write its figures and tables as one HTML file; returns the file."""
        from search.views.html_report import sweep_report
        from trainables.atomic import write_file

        file = Path(to) if to else self.folder.path / "report.html"
        return write_file(file, sweep_report(self.state, self.folder))


def launch(
    file: str | Path | None = None,
    *,
    sweeps: str | Path = DEFAULT_SWEEPS,
    show: bool = True,
    **fields: Any,
) -> Sweep:
    """Run a new sweep to its end.

    Args:
        file: a sweep file.
        sweeps: folder of the sweeps.
        show: print what happens.
        fields: of the sweep file, on top of it: `recipe`, `data`, `name`, `trials`, `set` and the others.

    Raises:
        SteadytuneError: something is wrong, in one sentence.
        KeyboardInterrupt: it was interrupted; nothing is lost, `load(NAME).resume()` continues it.
    """
    values = {name: str(value) if isinstance(value, Path) else value for name, value in fields.items()}
    spec = read_sweep(Path(file) if file else None, values)
    _run(spec.name, Path(sweeps), spec, show)
    return Sweep(spec.name, sweeps)


def load(name: str, sweeps: str | Path = DEFAULT_SWEEPS) -> Sweep:
    """The sweep of that name, running or ended."""
    return Sweep(name, sweeps)


def list_sweeps(sweeps: str | Path = DEFAULT_SWEEPS) -> list[str]:
    """The names of the sweeps in a folder, oldest first."""
    return names(Path(sweeps))


def _run(name: str, root: Path, new: SweepSpec | None, show: bool) -> None:
    from rich.console import Console

    from search.run.shown import run_shown

    # In a notebook Rich would show each line as a cell's output of its own, also what goes to a file.
    output = sys.stdout if show else io.StringIO()
    console = Console(
        file=output, highlight=False, markup=False, emoji=False, force_jupyter=False, soft_wrap=not output.isatty()
    )
    run_shown(name, root, new, console)
