"""The result of a sweep in sentences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.journal.events import TrialStarted
from search.state.outcome import Finalist, finalists, result
from search.state.started import CommonSettings
from search.state.sweep_state import SweepState
from search.sweep.data_look import DataLook
from search.sweep.folder import SweepFolder
from search.views.markdown import headline
from search.views.summary import summary
from search.views.verdict import lead_sentences, next_step, no_better_than_guesses, nothing_learnt
from tests.support.fakes import Curves, plan_of
from tests.support.terminal import lines_of
from tests.support.workers import swept
from trainables.look import Look

FOLDER = SweepFolder(Path("sweeps"), "sweep")


def with_values(state: SweepState, best: tuple[float, ...], baseline: tuple[float, ...]) -> list[Finalist]:
    """The finalists of `state` with other results on fresh seeds."""
    first, second = finalists(state)
    return [replace(first, values=best), replace(second, values=baseline)]


def test_a_clear_lead_is_told_with_its_interval(ended: SweepState, monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = with_values(ended, (0.90, 0.91), (0.60, 0.61))
    (sentence,) = lead_sentences(ended, ranked)
    assert sentence.startswith("+0.3000 against the baseline 'steady' (0.6050 ± 0.0071); 95 % interval ± 0.0")
    assert list(next_step(ended, ranked, "epoch-0004", FOLDER)) == []  # this recipe has no predictor, as a script
    monkeypatch.setattr(type(ended.plan.recipe), "predictor", lambda *arguments: None)
    assert list(next_step(ended, ranked, "epoch-0004", FOLDER)) == [
        "Next: see what it does, steadytune predict epoch-0004 PICTURES"
    ]


def test_a_lead_within_the_noise_of_the_seeds_is_called_that(ended: SweepState) -> None:
    ranked = with_values(ended, (0.62, 0.64), (0.60, 0.62))
    (sentence,) = lead_sentences(ended, ranked)
    assert "+0.0200 against the baseline" in sentence
    assert "within the noise of the seeds" in sentence
    search_on, more_seeds = next_step(ended, ranked, "epoch-0004", FOLDER)
    assert search_on == "Next: search on, steadytune resume sweep --trials 24"
    assert "seeds each would tell the two apart (`confirm_seeds`, now 2)" in more_seeds


def test_seeds_that_the_budget_left_out_are_not_advised_as_more(ended: SweepState) -> None:
    ranked = with_values(ended, (0.64, 0.66), (0.55,))
    _, seeds = next_step(ended, ranked, "epoch-0004", FOLDER)
    assert seeds == (
        "2 seeds each would tell the two apart (`confirm_seeds`, now 2, of which not all were trained to their end)"
    )


def test_more_is_given_of_all_that_ends_the_search(ended: SweepState, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ended.plan.spec.model_copy(update={"hours": 2.0, "total_epochs": 600})
    monkeypatch.setattr(ended, "plan", replace(ended.plan, spec=spec))
    search_on = next(iter(next_step(ended, with_values(ended, (0.62, 0.64), (0.60, 0.62)), "", FOLDER)))
    assert search_on.endswith("steadytune resume sweep --trials 24 --hours 4 --total-epochs 1200")


def test_one_seed_each_does_not_tell_how_sure_it_is(ended: SweepState) -> None:
    (sentence,) = lead_sentences(ended, with_values(ended, (0.62,), (0.60,)))
    assert sentence.endswith("; from one training each, so how far seeds alone differ is not known")


def test_a_baseline_that_wins_is_said_to(ended: SweepState) -> None:
    ranked = with_values(ended, (0.9, 0.9), (0.95, 0.96))[::-1]
    assert next(iter(lead_sentences(ended, ranked))) == "No configuration is better than the baseline 'steady'"
    assert next(iter(next_step(ended, ranked, "", FOLDER))).startswith("Next: search on, ")


def test_a_result_that_guessing_reaches_too_is_said_to_be_no_better(ended: SweepState, tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path, "sweep")
    (best, _) = with_values(ended, (0.5, 0.5), (0.4, 0.4))
    guessed = {"majority class": 0.54, "random, by class frequency": 0.2}
    expected = "This is no better than guessing, which reaches majority class 0.5400 of score"
    assert list(no_better_than_guesses(ended, best, guessed)) == [expected]
    assert list(no_better_than_guesses(ended, replace(best, values=(0.55, 0.56)), guessed)) == []
    DataLook(Look(guesses={"majority class": {"score": 0.9999}})).write(folder.look)
    assert any("no better than guessing" in line for line in lines_of(summary(ended, folder)))


def test_a_rival_within_the_noise_is_named(ended: SweepState) -> None:
    best, baseline = with_values(ended, (0.90, 0.92), (0.60, 0.62))
    rival = replace(best, trial=ended.trials[3], values=(0.89, 0.91))
    sentences = list(lead_sentences(ended, [best, rival, baseline]))
    assert sentences[-1] == "Its lead over trial 3 is within the noise of the seeds"


def test_a_sweep_in_which_nobody_learnt_anything_has_no_best_configuration(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Curves, "bounds", {"score": (0.0, 1.0)})
    plan = plan_of(data, trials=4, enqueue=[], set={"quality": 0.01, "noise": 0.0}, confirm_top=0)
    coordinator = swept(plan, tmp_path / "journal")
    coordinator.end(result(coordinator.state))
    state = coordinator.state
    verdict, helps = nothing_learnt(state)
    assert verdict.startswith("No training has learnt anything: the best score of 4 trials is 0.0")
    assert helps.startswith("What helps: pretrained weights (`weights`), more epochs (now 4)")
    printed = "\n".join(lines_of(summary(state, SweepFolder(tmp_path, "sweep"))))
    assert verdict in printed
    assert "Best configuration" not in printed
    assert "Next: " not in printed
    assert verdict in list(headline(state))
    assert not any(text.startswith("Winner") for text in headline(state))


def test_what_would_help_names_the_recipes_own_settings(ended: SweepState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(ended.plan.recipe), "bounds", {"score": (0.0, 100.0)})
    ended.plan.__dict__.pop("bounds", None)  # cached
    started = ended.trials[0].started
    settings = {**started.settings, "weights": "none", "image_size": 64}
    event = TrialStarted(started.trial, started.kind, started.of, started.named, started.seed, started.drawn, settings)
    monkeypatch.setattr(ended.trials[0], "started", CommonSettings().of(event))
    *_, helps = nothing_learnt(ended)
    ended.plan.__dict__.pop("bounds", None)
    assert "pretrained weights (`weights`), more epochs (now 27), larger pictures (`image_size`, now 64)" in helps
