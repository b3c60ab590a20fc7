"""What a sweep prints at its start and its end: the banner, and the summary of its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from search.control.audit import HARM, audit
from search.pruning.decision import REASONS
from search.state.lead import learnt_nothing
from search.state.outcome import BestCheckpoint, Finalist, best_checkpoint, finalists
from search.state.sweep_state import SweepState
from search.sweep.data_look import read
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from search.views.pace import confirmations
from search.views.pareto import pareto_front, pareto_table
from search.views.remarks import trial_remarks
from search.views.seeds_together import read_seeds, seeds_sentences
from search.views.status_table import description, label, meaning, plural, waited, winner_stopped
from search.views.targets import target_lines
from search.views.verdict import lead_sentences, mean_and_std, next_step, no_better_than_guesses, nothing_learnt
from trainables.metric_text import metric_text
from trainables.tracks.settings import MODES

MOST_STOPPED = 6
"""At most this many stopped trials are named: with more, the result would scroll off the terminal."""


def banner(plan: Plan) -> Iterator[str]:
    """What is about to happen and how long it may take."""
    spec = plan.spec
    yield f"Sweep {spec.name}: {spec.recipe}, {spec.preset} preset, {spec.trials} trials, seed {spec.seed}."
    if spec.hours:
        yield f"It takes at most {_duration(spec.hours * 3600)}, plus 15 to 40 seconds to start the workers."
    elif spec.epoch_budget:
        yield f"It has no time limit: the search ends after {spec.trials} trials or {spec.epoch_budget} epochs."
    else:
        yield f"It has no time limit: the search ends after {spec.trials} trials."
    if count := confirmations(plan):
        where = "within that time" if spec.hours else "after the search"
        trainings = f"{plural(count, 'training')} of {plural(plan.max_epochs, 'epoch')}"
        yield f"The confirmation on fresh seeds takes at most {trainings}, {where}."


def sweep_runs(worker_slots: int) -> str:
    """The line that is printed once nothing prevents the first trial from starting."""
    return f"The sweep runs: {plural(worker_slots, 'trial')} at a time."


def summary(state: SweepState, folder: SweepFolder) -> Iterator[RenderableType]:
    """The result: the best configuration, why trials were stopped, where everything is, and what to do next.

    Args:
        state: the sweep.
        folder: the sweep's.
    """
    ranked = finalists(state)
    for sentence in trial_remarks(state):
        yield f"{sentence}\n"
    if state.ended is None or not ranked:
        why = state.ended.detail if state.ended is not None else "the sweep has not ended"
        yield f"{why[0].upper()}{why[1:]}."
        yield from _stopped(state, folder)
        return
    best = ranked[0]
    yield _comparison(ranked, state)
    yield ""
    yield from nothing_learnt(state)
    title = "Highest of them" if learnt_nothing(state) else "Best configuration"
    yield f"{title}: trial {label(best.trial)}, {state.plan.recipe.metric} {mean_and_std(best)}"
    yield f"  {state.plan.recipe.metric} of a training, here and in the table: {meaning(state)}"
    yield f"  {description(best.trial)}"
    yield from (f"  {sentence}" for sentence in winner_stopped(best.trial))
    seen = read(folder.look)
    guessed = seen.look.guessed(state.plan.recipe.metric) if seen else {}
    yield from (f"  {sentence}" for sentence in no_better_than_guesses(state, best, guessed))
    yield from (f"  {sentence}" for sentence in lead_sentences(state, ranked))
    yield from (f"  {line}" for line in target_lines(state))
    if together := read_seeds(folder):
        yield from (f"  {sentence}" for sentence in seeds_sentences(together, folder.command("export")))
    yield ""
    if state.plan.spec.also:
        yield pareto_table(pareto_front(state), state.plan.recipe.metric, state.plan.spec.also)
        yield ""
    yield from _stopped(state, folder)
    if state.search_ended:
        started = f"{len(state.trials.search)} of {state.trial_budget} trials"
        yield f"The search ended early, after {started}: {state.search_ended.detail}."
    yield from _audited(state)
    duration = f"{plural(len(state.trials), 'trial')} in {_duration(state.active_seconds)}"
    yield f"\n{duration}; the workers trained {state.utilisation:.0%} of the time{waited(state)}."
    if state.gpu_bytes:
        yield f"A trial took up to {state.gpu_bytes / 1e9:.1f} GB of its GPU."
    checkpoint = best_checkpoint(state, best.trial.number, folder)
    if checkpoint:
        yield f"Checkpoint: {checkpoint.path} (epoch {checkpoint.epoch})"
        yield f"  {checkpoint_sentence(checkpoint, state.plan.recipe.metric)}"
    yield f"Exported:   {folder.best}"
    yield f"Results in the browser: {folder.command('browse')}"
    yield ""
    path = str(checkpoint.path) if checkpoint else ""
    for index, sentence in enumerate(next_step(state, ranked, path, folder)):
        yield f"  {sentence}" if index else sentence


def _comparison(ranked: list[Finalist], state: SweepState) -> Table:
    title = "Re-trained on fresh seeds" if any(finalist.confirmed for finalist in ranked) else "Best trial"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2), pad_edge=False)
    for column in ("trial", state.plan.recipe.metric, "seeds", "in the search"):
        table.add_column(column, justify="left" if column == "trial" else "right")
    for finalist in ranked:
        failed = f", {finalist.stopped} stopped" if finalist.stopped else ""
        failed += f", {finalist.failed} failed" if finalist.failed else ""
        seeds = f"{len(finalist.values)}{failed}" if finalist.confirmed else f"none{failed}"
        searched = metric_text(finalist.trial.curve.objective_value)
        table.add_row(label(finalist.trial), mean_and_std(finalist), seeds, searched)
    return table


def checkpoint_sentence(checkpoint: BestCheckpoint, metric: str) -> str:
    """Which training the checkpoint is of, and the metric that evaluating it gives."""
    trial, decision = checkpoint.trial, checkpoint.trial.decision
    sentence = f"of trial {label(trial)}: {metric} {metric_text(checkpoint.value)} after that epoch alone"
    sentence += ", as `steadytune evaluate"
    sentence += f"{' --tracks' if metric.partition('/')[0] in MODES else ''}` gives it"
    if decision is not None and not trial.finished:
        sentence += f"; that training was stopped after epoch {trial.curve.epoch} ({decision.reason})"
    return sentence


def _stopped(state: SweepState, folder: SweepFolder) -> Iterator[str]:
    stopped = [
        (trial, trial.decision) for trial in state.trials.values() if trial.decision and trial.decision.reason != "done"
    ]
    if stopped:
        yield "Stopped trials:"
    for trial, decision in stopped[:MOST_STOPPED]:
        reason = f"{decision.reason} ({REASONS[decision.reason]})"
        yield f"  {label(trial)} after epoch {decision.epoch}: {reason}: {decision.detail}"
    if more := stopped[MOST_STOPPED:]:
        counts = Counter(decision.reason for _, decision in more)
        reasons = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
        yield f"  and {len(more)} more ({reasons}); each with its reason: {folder.command('status')}"


def _audited(state: SweepState) -> Iterator[str]:
    report = audit(state)
    if report.audited:
        yield (
            f"Audit: {report.wrong} of {report.audited} stopped trials that were trained to their end would have "
            f"improved by more than {HARM:.0%} (95 % interval {report.low:.0%} to {report.high:.0%} of all stops), "
            f"{report.beaten} would have won."
        )


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 2:
        return f"{seconds:.0f} seconds"
    return f"{minutes:.1f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"
