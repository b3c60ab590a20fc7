"""The result of a sweep in sentences: how certain the winner's lead is, what would help, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from search.next_step import command
from search.state.lead import Lead, lead, learnt_nothing
from search.state.more import more_options
from search.state.outcome import Finalist
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.followers import followers, next_stage
from search.views.status_table import label, plural
from trainables.errors import SettingsError
from trainables.metric_text import mean_and_std_text, metric_text
from trainables.recipe import Recipe

PICTURE_SIZES = ("image_size", "imgsz")
"""Names of the setting for the size of pictures, in pixels."""


def baseline_of(ranked: Sequence[Finalist]) -> Finalist | None:
    """The baseline among the finalists."""
    return next((finalist for finalist in ranked if finalist.trial.is_baseline), None)


def mean_and_std(finalist: Finalist) -> str:
    """A finalist's result; a single seed has no standard deviation to show."""
    return mean_and_std_text(finalist.mean, finalist.std) if len(finalist.values) > 1 else metric_text(finalist.mean)


def lead_sentences(state: SweepState, ranked: Sequence[Finalist]) -> Iterator[str]:
    """How far the best of the finalists is ahead of the baseline and of the next one, and how sure that is."""
    best, baseline = ranked[0], baseline_of(ranked)
    if baseline is not None and baseline is not best:
        compared = lead(best, baseline, ranked)
        gain = metric_text(compared.gain, best.mean, baseline.mean, sign=True)
        versus = f"{gain} against the baseline {state.plan.recipe.baseline!r} ({mean_and_std(baseline)})"
        yield versus + _certainty(compared, metric_text(compared.margin, best.mean, baseline.mean))
    elif baseline is best:
        yield f"No configuration is better than the baseline {state.plan.recipe.baseline!r}"
    rivals = [rival for rival in ranked[1:] if rival is not baseline and lead(best, rival, ranked).within_noise]
    if rivals:
        names = ", ".join(label(rival.trial) for rival in rivals)
        yield f"Its lead over {'trial' if len(rivals) == 1 else 'trials'} {names} is within the noise of the seeds"


def _certainty(compared: Lead, margin: str) -> str:
    if compared.margin is None:
        return "; from one training each, so how far seeds alone differ is not known"
    if compared.within_noise:
        return f"; within the noise of the seeds (95 % interval ± {margin}), so it may be no better"
    return f"; 95 % interval ± {margin}"


def no_better_than_guesses(state: SweepState, best: Finalist, guessed: Mapping[str, float]) -> Iterator[str]:
    """A warning if guessing, without a look at the example, reaches the result too; empty if none of `guessed` does.

    Args:
        state: of the sweep.
        best: its winner.
        guessed: values of the metric, by name of the guess.
    """
    oriented = best.trial.curve.oriented
    ahead = [name for name, value in guessed.items() if oriented(value) >= oriented(best.mean)]
    if ahead:
        values = " and ".join(f"{name} {metric_text(guessed[name])}" for name in ahead)
        yield f"This is no better than guessing, which reaches {values} of {state.plan.recipe.metric}"


def nothing_learnt(state: SweepState) -> Iterator[str]:
    """A warning if no training learnt anything, with what would help; else empty."""
    if not learnt_nothing(state):
        return
    metric = state.plan.recipe.metric
    orient = max if state.plan.recipe.mode == "max" else min
    reached = [value for trial in state.trials.search if (value := trial.curve.objective_value) is not None]
    yield (
        f"No training has learnt anything: the best {metric} of {plural(len(reached), 'trial')} is "
        f"{metric_text(orient(reached))}. Their order is chance, so none of them is a result."
    )
    settings = state.trials.search[0].started.settings
    helps = [f"more epochs (now {state.plan.max_epochs})"]
    if settings.get("weights") == "none" or settings.get("pretrained") is False:
        helps.insert(0, f"pretrained weights (`{'weights' if 'weights' in settings else 'pretrained'}`)")
    helps += [f"larger pictures (`{name}`, now {settings[name]})" for name in PICTURE_SIZES if name in settings]
    yield f"What helps: {', '.join(helps)}; and a look at the data (`steadytune check`)."


def next_step(state: SweepState, ranked: Sequence[Finalist], checkpoint: str, folder: SweepFolder) -> Iterator[str]:
    """What to do after the sweep, sentence by sentence.

    Args:
        state: the sweep.
        ranked: its finalists, best first.
        checkpoint: path of the winner's checkpoint; "" if there is none.
        folder: the sweep's.
    """
    if learnt_nothing(state):
        return
    if follows := _what_follows(folder):
        yield f"Next: {follows}"
        return
    best, baseline, spec = ranked[0], baseline_of(ranked), state.plan.spec
    more = folder.command("resume", *more_options(state))
    if baseline is best:
        yield f"Next: search on, {more}, or in wider ranges (`set`)"
        return
    compared = lead(best, baseline, ranked) if baseline is not None else None
    if compared is not None and compared.within_noise:
        yield f"Next: search on, {more}"
        if compared.seeds:
            now = f"`confirm_seeds`, now {spec.confirm_seeds}"
            if compared.seeds <= spec.confirm_seeds:
                now += ", of which not all were trained to their end"
            yield f"{compared.seeds} seeds each would tell the two apart ({now})"
    elif checkpoint and type(state.plan.recipe).predictor is not Recipe.predictor:  # a script's model is the script's
        yield f"Next: see what it does, steadytune predict {shlex.quote(checkpoint)} PICTURES"


def _what_follows(folder: SweepFolder) -> str:
    """What to do about the sweep that starts from the winner of the one in `folder`; "" if there is none."""
    with suppress(SettingsError):  # a damaged file of another sweep does not hide the result of this one
        for name in followers(folder):
            return f"sweep {name}, which started from this winner, {command('status', name, folder.root)}"
        if stage := next_stage(folder):
            stages, name = stage
            return (
                f"stage {name}, which starts from this winner; if it does not begin by itself, "
                f"{command('resume', stages, folder.root)}"
            )
    return ""
