from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

import steadytune
from search.sweep.folder import SweepFolder
from tests.support import REPOSITORY
from trainables import registry
from trainables.errors import SettingsError


@pytest.fixture
def sweep(sweeps: Path) -> steadytune.Sweep:
    """One that has ended, with the baseline, a trial that was lost, and two that were drawn."""
    return steadytune.load("sweep", sweeps)


def test_a_sweep_is_opened_by_its_name(sweep: steadytune.Sweep, sweeps: Path) -> None:
    assert steadytune.list_sweeps(sweeps) == ["sweep"]
    assert repr(sweep) == f"Sweep('sweep', sweeps={str(sweeps)!r})"
    with pytest.raises(steadytune.SteadytuneError, match=r"no sweep 'sweap' in .*; did you mean 'sweep'"):
        steadytune.load("sweap", sweeps)


def test_the_best_is_what_the_journal_says(sweep: steadytune.Sweep) -> None:
    assert sweep.best is not None
    ended = sweep.state.ended
    assert ended is not None
    assert (sweep.best.trial, sweep.best.value) == (ended.trial, ended.numbers["mean"])
    assert sweep.best.settings == sweep.state.trials[ended.trial].started.settings


def test_trials_are_a_data_frame(sweep: steadytune.Sweep) -> None:
    frame = sweep.trials()
    state = sweep.state
    assert list(frame.index) == list(state.trials)
    assert frame.loc[1, "named"] == "lost"
    assert (frame.loc[1, "outcome"], frame.loc[1, "reason"]) == ("failed", "nonfinite")
    assert set(state.plan.ranges) <= set(frame.columns)
    for number, trial in state.trials.items():
        assert frame.loc[number, "epochs"] == trial.curve.epoch
        assert frame.loc[number, "kind"] == trial.started.kind
        assert frame.loc[number, state.plan.recipe.metric] == trial.curve.objective_value


def test_curves_are_a_data_frame(sweep: steadytune.Sweep) -> None:
    frame = sweep.curves()
    state = sweep.state
    assert len(frame) == sum(trial.curve.epoch for trial in state.trials.values())
    for number, trial in state.trials.items():
        curve = frame[frame.trial == number]
        assert list(curve.epoch) == list(range(1, trial.curve.epoch + 1))
        shown = [value for value in curve[state.plan.recipe.metric] if value == value]
        assert shown == [point.value for point in trial.curve.evaluated]


def test_figures_are_plotlys(sweep: steadytune.Sweep) -> None:
    for figure in (sweep.plot_curves(), sweep.plot_best(), sweep.plot_parallel(), sweep.plot_importance()):
        assert figure.to_plotly_json()["layout"]
    assert len(sweep.plot_curves().data) >= 3


def test_a_report_and_the_winners_files_are_written(sweep: steadytune.Sweep, tmp_path: Path) -> None:
    models = sweep.folder.path / "models"
    models.mkdir()
    (models / "models.html").write_text("<p>the winner misses cows</p>")
    page = sweep.report().read_text(encoding="utf-8")
    assert page.startswith("<!")
    assert "the winner misses cows" in page
    folder = sweep.export(to=tmp_path / "winner")
    assert (folder / "settings.yaml").is_file()
    with pytest.raises(steadytune.SteadytuneError, match="no trial 99 in sweep sweep"):
        sweep.export(99)


def test_only_a_budget_is_given_to_a_sweep(sweep: steadytune.Sweep, sweeps: Path) -> None:
    with pytest.raises(SettingsError, match="sampler cannot be changed; trials, total_epochs, hours and set can"):
        sweep.resume(sampler="random")
    with pytest.raises(SettingsError, match="'trials' is 0; it must be greater than 0"):
        sweep.resume(trials=0)
    assert SweepFolder(sweeps, "sweep").spec().trials == 4


def test_a_notebook_shows_nothing_that_was_not_asked_for(
    sweep: steadytune.Sweep, sweeps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consoles: list[Console] = []

    def shown(name: str, root: Path, new: object, console: Console) -> None:
        consoles.append(console)

    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("search.run.shown.run_shown", shown)
    monkeypatch.chdir(sweeps.parent)
    steadytune.load("sweep").resume(show=False)
    sweep.resume()
    assert not any(console.is_jupyter for console in consoles)
    assert isinstance(consoles[0].file, io.StringIO)


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unknown recipe 'yolx'; did you mean 'yolox'"):
        steadytune.launch(recipe="yolx", data=tmp_path, sweeps=tmp_path)
    with pytest.raises(SettingsError, match="recipe and data are missing"):
        steadytune.launch()


EXAMPLE = REPOSITORY / "docs" / "examples" / "rings_function.py"


def test_the_page_shows_the_example_as_it_is() -> None:
    assert EXAMPLE.read_text(encoding="utf-8").rstrip() in (REPOSITORY / "docs" / "python.md").read_text("utf-8")


def test_the_example_learns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    recipe = registry.find("rings_function:train")
    data = recipe.open(tmp_path)

    def last(**values: object) -> float:
        *_, epoch = recipe.train(recipe.settings("declared", values), data, tmp_path)
        return epoch.metrics["accuracy"]

    assert last() < 0.7 < 0.9 < last(degree=2, lr=5.0)


@pytest.mark.ray
def test_a_sweep_over_a_function_is_launched_and_given_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    monkeypatch.setenv("PYTHONPATH", f"{EXAMPLE.parent}:{REPOSITORY}")
    sweep = steadytune.launch(
        recipe="rings_function:train", trials=4, name="rings", confirm_top=1, sweeps=tmp_path, show=False
    )
    assert sweep.best is not None
    assert len(sweep.trials().query("kind == 'search'")) == 4
    sweep.resume(trials=6, show=False)
    assert len(sweep.trials().query("kind == 'search'")) == 6
    assert (tmp_path / "rings" / "best" / "train.yaml").is_file()
