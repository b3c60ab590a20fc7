"""What the report costs a sweep: CPU time of the report on its models and of its page, as a share of its trainings'.

    python -m tests.bench.cost.report SWEEPS NAME

Takes a finished sweep, whose winner is exported again in a copy of its folder, with the report on the models and
without, in turn: both share a process. The CPU time of its trainings is that of the second epoch of the winner's
settings, trained here, times the epochs of all its trials.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import time
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: a trial's threads

from search.export.bundle import export
from search.state.follower import SweepFollower
from search.state.outcome import result
from search.state.sweep_state import SweepState
from search.sweep.data_look import read
from search.sweep.folder import SweepFolder
from search.sweep.uri import located
from search.views.html_report import sweep_page
from search.views.model_process import model_process, read_part, write_models
from trainables.settings import parse_stored

ROUNDS = 3


def cpu() -> float:
    """CPU seconds of this process and of the children that it has waited for."""
    this_process, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return this_process.ru_utime + this_process.ru_stime + children.ru_utime + children.ru_stime


def end(state: SweepState, folder: SweepFolder, winner: int, with_report: bool) -> float:
    """CPU seconds of the export of the winner, and of the report on the models."""
    start = cpu()
    with model_process(state.plan.spec) as process:
        export(state, folder, winner, folder.best, write_weights=process.weights)
        problem = write_models(state, folder, winner, process) if with_report else ""
    assert not problem, problem
    return cpu() - start


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", type=Path, help="folder of sweeps")
    parser.add_argument("name", help="of a finished sweep")
    arguments = parser.parse_args()
    sweeps, name = arguments.sweeps, arguments.name
    with TemporaryDirectory() as copy:
        shutil.copytree(sweeps / name, Path(copy) / name)
        folder = SweepFolder.existing(Path(copy), name)
        state = SweepFollower(folder).read()
        winner = result(state).trial
        ends = [[end(state, folder, winner, with_report) for with_report in (False, True)] for _ in range(ROUNDS)]
        alone, together = map(fmean, zip(*ends, strict=True))
        models = together - alone
        start = cpu()
        page = sweep_page(state, name, read(folder.look), read_part(folder))
        drawn = cpu() - start
        recipe = state.plan.recipe
        settings = parse_stored(recipe.settings_type, state.trials[winner].started.settings, "the winner")
        (Path(copy) / "work").mkdir()
        marks = []
        for epoch in recipe.train(settings, recipe.open(Path(located(state.plan.spec.data))), Path(copy) / "work"):
            marks.append(time.process_time())
            if epoch.epoch == 2:
                break
    an_epoch = marks[1] - marks[0]
    epochs = sum(trial.curve.epoch for trial in state.trials.values())
    total = epochs * an_epoch
    print(f"{recipe.name}: {len(state.trials)} trainings, {epochs} epochs of {an_epoch:.2f} CPU s: {total:.0f} CPU s")
    print(f"export {alone:.1f} CPU s, with the report on the models {models:.1f} CPU s more")
    print(f"page {drawn:.1f} CPU s ({len(page) / 1e6:.2f} MB)")
    print(f"share {100 * (models + drawn) / total:.2f} %")


if __name__ == "__main__":
    main()
