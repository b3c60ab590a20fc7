"""Runs one training, without a sweep, by the generator that a sweep's workers drive, and writes what it leaves.

OUT/checkpoints/epoch-0007/     the newest checkpoint, and that of the best epoch
OUT/best, OUT/last              links to the two
OUT/metrics.csv                 one row an epoch
OUT/settings.yaml               all settings
OUT/environment.json            versions, machine, data
OUT/log.txt                     what was printed
OUT/learning_curves.png, OUT/stability.png
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.journal.events import EpochDone
from search.pruning.decision import FAILURES, REASONS, Decision
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import broken, verdict
from search.pruning.wrong_way import wrong_way
from search.sweep.data_identity import data_name, manifest_of
from search.tracking.store_check import check_store
from search.training.folder import BEST, TrainingFolder, check_resume, settings_of
from search.training.log import TrainingLog
from search.training.record import TrainingRecord, is_lost
from search.training.recorded import NOT_RECORDED, Recorded, recorded
from search.views.model_process import MOST_EXAMPLES
from trainables import registry
from trainables.errors import SteadytuneError, TrainingLostError, first_line
from trainables.held_out import Shows
from trainables.judged import judge
from trainables.metric_text import metric_text
from trainables.recipe import Alarm, AnyRecipe, Epoch
from trainables.settings import Settings
from trainables.standalone import open_data


@dataclass(frozen=True)
class TrainingRequest:
    """What is trained, and when it ends.

    Attributes:
        recipe: its name, or module:Class.
        data: of the recipe's kind.
        out: folder for everything that the training writes.
        preset: of the recipe; None for "paper", or for the checkpoint's settings in a resume.
        training: named one, on top of the preset.
        values: settings on top of both.
        resume: checkpoint to continue from.
        patience: epochs without a new best after which the training ends (20 in the thermal SlowFast report, document
            004); None for never. A sweep has its scheduler for that.
        stability: thresholds of the stop rules.
        stop: whether the stop rules end the training; otherwise they only tell, and what is not finite ends it.
        store: MLflow tracking URI to record the training in; "" for none.
    """

    recipe: str
    data: Path
    out: Path
    preset: str | None = None
    training: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    resume: Path | None = None
    patience: int | None = None
    stability: StabilitySettings = field(default_factory=StabilitySettings)
    stop: bool = False
    store: str = ""


def train(request: TrainingRequest) -> Iterator[str]:
    """Train, yielding what a person wants to read: a line an epoch, what the stop rules say, and the result.

    Raises:
        SteadytuneError: settings, data or checkpoint are wrong, or `out` cannot be written.
        TrainingLostError: its code raised, weights or losses are no finite numbers any more, or with `stop` a stop rule
            that means a failed training has ended it. The files are written all the same.
    """
    recipe = registry.find_installed(request.recipe)
    if request.resume is not None:
        check_resume(request.resume)
    settings = settings_of(recipe, request.preset, request.training, request.values, request.resume)
    opened = open_data(recipe, request.data)
    folder = TrainingFolder(request.out, resumes=request.resume is not None)
    fingerprint = manifest_of(str(request.data), request.data, opened).fingerprint

    def begin() -> Recorded:
        folder.begin(settings, fingerprint)
        if not request.store:
            return NOT_RECORDED
        name = data_name(str(request.data), request.data.is_file())
        return recorded(request.store, recipe.name, name, fingerprint, settings.model_dump(mode="json"))

    def report(checkpoint: Path) -> str:
        return _report_on(checkpoint, recipe, settings, opened, request.out)

    if request.store:
        check_store(request.store)
    epochs = recipe.train(settings, opened, request.out, request.resume)
    yield from _Run(request, recipe, settings, folder, begin, report).lines(epochs)


def _report_on(checkpoint: Path, recipe: AnyRecipe, settings: Settings, opened: Any, out: Path) -> str:
    """Write the report on a checkpoint into `out`; returns where it is or why there is none, or "" if none can be."""
    if not isinstance(recipe, Shows):
        return ""
    from search.views.model_report import write_report

    try:
        judged = judge(recipe, settings, opened, checkpoint, "best epoch", MOST_EXAMPLES)
        return f"report: {write_report(f'{recipe.name}: the best epoch of {out}', judged, out)}"
    except SteadytuneError as error:
        return f"no report on the best epoch: {error}"


class _Run:
    """A training that is about to begin.

    Args:
        request: what is trained, and when it ends.
        recipe: of the request.
        settings: complete.
        folder: that the training writes to.
        begin: called once when it is known that the training may begin; returns where its epochs are recorded.
        report: called with the best checkpoint at the end; returns a sentence on the report, or "".
    """

    def __init__(
        self,
        request: TrainingRequest,
        recipe: AnyRecipe,
        settings: Settings,
        folder: TrainingFolder,
        begin: Callable[[], Recorded],
        report: Callable[[Path], str],
    ) -> None:
        self._request, self._recipe, self._folder, self._begin = request, recipe, folder, begin
        self._report = report
        self._store: Recorded = NOT_RECORDED
        self._epochs_in_all = int(settings.model_dump().get("epochs", 0))
        self._record = TrainingRecord(recipe, folder.path)
        self._log = TrainingLog(folder.path)
        self._told: set[str] = set()
        self._lost = ""
        self._ended = False

    def lines(self, epochs: Iterator[Epoch]) -> Iterator[str]:
        trained = False
        if self._request.resume is None:
            self._store = self._begin()
        try:
            while not self._ended:
                epoch = self._next(epochs)
                if epoch is None:
                    break
                if not trained:
                    trained = True
                    self._record.take_earlier(epoch)
                    if self._request.resume is not None:  # now it is known that it may continue
                        self._store = self._begin()
                yield from map(self._log.say, self._after(epoch))
            self._ended = True
            if not trained and not self._lost:
                yield self._log.say(self._nothing_left())
            if trained and not self._lost and (reported := self._reported()):
                yield self._log.say(reported)
        finally:
            if close := getattr(epochs, "close", None):
                with suppress(RuntimeError):
                    close()
            written = self._write_figures()
            status = "FAILED" if self._lost else "FINISHED" if self._ended else "KILLED"
            note = self._store.end(status, self._folder.path)
        if note:
            yield self._log.say(note)
        if written:
            yield from map(self._log.say, self._result(written))
        if self._lost:
            raise TrainingLostError(self._log.say(f"{self._lost}; the training is lost"))

    def _next(self, epochs: Iterator[Epoch]) -> Epoch | None:
        """The next epoch; None after the last, or if the training's code raised."""
        try:
            with self._log.copied():
                return next(epochs, None)
        except SteadytuneError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise SteadytuneError(f"{self._folder.path}: the disk is full; free some space and resume") from None
            self._log.trace()
            after = self._record.curve.epoch
            where = f"the traceback is in {self._log.file}"
            self._lost = f"epoch {after + 1}: {type(error).__name__}: {first_line(error)} ({where})"
            return None

    def _after(self, epoch: Epoch) -> Iterator[str]:
        """Keep, record and judge an epoch."""
        done = self._record.add(epoch)
        if epoch.saves and epoch.alarm is None and not is_lost(done):
            self._folder.keep(epoch, self._record.curve.best, self._record.epochs[0].epoch == 1)
        yield _line(epoch)
        if note := self._store.epoch(done, self._record.curve, self._recipe.metric):
            yield note
        if epoch.remark and epoch.remark not in self._told:
            self._told.add(epoch.remark)
            yield epoch.remark
        if (sentence := wrong_way(self._record.curve)) and wrong_way.__name__ not in self._told:
            self._told.add(wrong_way.__name__)
            yield sentence
        yield from self._judged(done)
        best = self._record.curve.best
        since = epoch.epoch - (best.epoch if best else 0)
        if not self._ended and self._request.patience is not None and since >= self._request.patience:
            missing = f"no better {self._recipe.metric} than epoch {best.epoch}'s" if best else "no value"
            yield f"epoch {epoch.epoch}: {missing} for {self._request.patience} epochs; stopped"
            self._ended = True

    def _judged(self, done: EpochDone) -> Iterator[str]:
        """What the stop rules say; ends the training if nothing is left of it, or if they were asked to."""
        curve, stability = self._record.curve, self._request.stability
        alarm = Alarm(done.alarm, done.alarm_detail) if done.alarm else None
        decision = broken(curve, stability, alarm)
        is_last = done.epoch >= self._epochs_in_all
        if decision is not None or (is_last and is_lost(done)):
            why = f"{decision.reason}: {decision.detail}" if decision else is_lost(done)
            self._lost, self._ended = f"epoch {done.epoch}: {why}", True
            return
        decision = verdict(curve, self._epochs_in_all, stability, alarm)
        if decision is None:
            return
        if self._request.stop:
            self._ended = True
            if decision.reason in FAILURES:
                self._lost = f"epoch {done.epoch}: {_sentence(decision)}"
            else:
                yield f"epoch {done.epoch}: {_sentence(decision)}; stopped"
        elif decision.reason not in self._told:
            self._told.add(decision.reason)
            yield f"epoch {done.epoch}: {_sentence(decision)}; --stop would end the training here"

    def _nothing_left(self) -> str:
        if self._request.resume is None:
            return "the recipe trained no epoch"
        more = self._epochs_in_all + 1
        return (
            f"nothing is left to train: {self._request.resume} is of the last of {self._epochs_in_all} epochs; a larger"
            f" number lengthens the training, such as --set epochs={more}"
        )

    def _reported(self) -> str:
        best = self._folder.path / BEST
        if not best.is_dir():
            return ""
        with self._log.copied():
            return self._report(best.resolve())

    def _write_figures(self) -> list[Path]:
        if not self._record.epochs:
            return []
        from search.views.charts.png import png  # matplotlib takes a second

        written = []
        for chart in self._record.figures(f"{self._recipe.name} in {self._folder.path}"):
            written.append(self._folder.path / f"{chart.name}.png")
            written[-1].write_bytes(png(chart))
        return written

    def _result(self, written: list[Path]) -> Iterator[str]:
        yield f"figures: {', '.join(map(str, written))}"
        best = self._record.curve.best
        if best is None or best.value is None:
            yield f"best: none, no epoch has a {self._recipe.metric}"
        else:
            value = f"{self._recipe.metric} {metric_text(best.value)}"
            yield f"best: epoch {best.epoch}, {value}, in {self._folder.checkpoints}"


def _sentence(decision: Decision) -> str:
    return f"{decision.reason} ({REASONS[decision.reason]}): {decision.detail}"


def _line(epoch: Epoch) -> str:
    metrics = " ".join(f"{name} {metric_text(value)}" for name, value in epoch.metrics.items())
    losses = " ".join(f"{name} {value:.4g}" for name, value in epoch.losses.items())
    return f"epoch {epoch.epoch} ({epoch.phase}): {metrics} | {losses} | {sum(epoch.seconds.values()):.1f} s"
