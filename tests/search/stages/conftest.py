from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from search.export.bundle import export
from search.stages.stages import Stages, StagesFolder, read_file
from search.stages.start import started
from search.state.outcome import result
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.plan import make_plan
from search.sweep.spec import SweepSpec
from tests.support.workers import Workers, swept

Trains = Callable[[SweepSpec], SweepState]


@pytest.fixture
def file(tmp_path: Path, data: Path) -> Path:
    """A file of two stages."""
    path = tmp_path / "cattle.yaml"
    content = {
        "recipe": "tests.support.fakes:Curves",
        "preset": "short",
        "name": "cattle",
        "data": str(data),
        "set": {"depth": 1, "weights": "none"},
        "trials": 3,
        "confirm_top": 0,
        "stages": [{"name": "pretrain"}, {"name": "finetune", "trials": 2, "set": {"noise": 0.0}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def stages(file: Path) -> Stages:
    described = read_file(file, {})
    assert isinstance(described, Stages)
    return described


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "sweeps"


@pytest.fixture
def folder(root: Path, stages: Stages) -> StagesFolder:
    """The stages, written down."""
    folder = StagesFolder(root, stages.name)
    folder.create(stages)
    return folder


@pytest.fixture
def train(root: Path) -> Trains:
    """Runs a new sweep to its end and exports its winner, by workers in virtual time."""

    def run(spec: SweepSpec) -> SweepState:
        plan = make_plan(started(spec, root))
        sweep = SweepFolder.create(root, plan.spec)
        workers = Workers()
        coordinator = swept(plan, sweep.journal, workers)
        for trial, epoch in workers.disk.checkpoints:
            sweep.checkpoint(trial, epoch).mkdir(parents=True)
            (sweep.checkpoint(trial, epoch) / "state.json").write_text(f'{{"epoch": {epoch}, "trial": {trial}}}')
        ended = result(coordinator.state)
        export(coordinator.state, sweep, ended.trial, sweep.best)
        coordinator.end(ended)
        return coordinator.state

    return run
