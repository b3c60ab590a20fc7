"""One training in two processes: they compute what one would, a pause is exact, and a stop or an error ends both."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DistributedSampler, RandomSampler

from tests.support.broken_process import TARGET
from tests.support.small_models import write_models
from trainables.errors import SettingsError
from trainables.loop import read
from trainables.ranks import Ranks
from trainables.recipe import Epoch
from trainables.samples.ultralytics_tasks import write_tasks
from trainables.ultralytics.recipe import Ultralytics
from trainables.ultralytics.settings import UltralyticsSettings

RECIPE = Ultralytics()
AUGMENTED: dict[str, Any] = {
    **{"mosaic": 0.7, "mixup": 0.3, "cutmix": 0.3, "degrees": 10.0, "multi_scale": 0.3, "bgr": 0.2},
    **{"optimizer": "SGD", "lr0": 0.01, "warmup_epochs": 2.5, "close_mosaic": 1, "cos_lr": True, "nbs": 12},
}
"""With 8 images in batches of 4, the 12 images of a step go across epochs."""
PLAIN: dict[str, Any] = {
    **dict.fromkeys(("mosaic", "hsv_h", "hsv_s", "hsv_v", "translate", "scale", "fliplr", "warmup_epochs"), 0.0),
    **{"close_mosaic": 0, "optimizer": "SGD", "lr0": 0.01, "nbs": 4, "epochs": 2},
}
"""Nothing is random but the order of the images."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tasks(tmp_path_factory.mktemp("ultralytics") / "data", train=8, val=4)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_models(tmp_path_factory.mktemp("models"))["detect"]


def settings(model: str, **changes: Any) -> UltralyticsSettings:
    return RECIPE.settings("tiny", {"model": model, "batch": 4, "epochs": 4, "processes": 2} | changes)


def train(given: UltralyticsSettings, data: Path, workdir: Path, **resume: Path) -> Iterator[Epoch]:
    workdir.mkdir()
    return RECIPE.train(given, RECIPE.open(data), workdir, **resume)


def numbers(epoch: Epoch) -> Mapping[str, float]:
    return {**epoch.losses, **epoch.metrics, **epoch.rates}


def saved(epoch: Epoch, directory: Path) -> Path:
    directory.mkdir()
    epoch.save(directory)
    return directory


def weights(checkpoint: Path) -> Mapping[str, torch.Tensor]:
    """All but the statistics of batch-norms, which each process has of its own part."""
    (state,) = read(checkpoint)["training"]["sets"].values()
    return {name: value for name, value in state["model"].items() if "running_" not in name and "num_" not in name}


def children() -> set[int]:
    """The processes that this one has started and that still run."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    parents = {}
    for pid in pids:
        try:
            parents[pid] = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
    return {pid for pid, parent in parents.items() if parent == str(os.getpid())}


@pytest.mark.e2e
def test_two_epochs_and_two_in_new_processes_are_four(data: Path, model: str, tmp_path: Path) -> None:
    """Of five, so that both trainings are stopped before their end."""
    given = settings(model, **AUGMENTED, epochs=5)
    before = children()
    unbroken = train(given, data, tmp_path / "unbroken")
    of_four_epochs = [numbers(next(unbroken))]
    second = next(unbroken)
    checkpoint = saved(second, tmp_path / "checkpoint")
    of_four_epochs += [numbers(second), numbers(next(unbroken)), numbers(next(unbroken))]
    assert len(children() - before) == 2
    unbroken.close()  # type: ignore[attr-defined]  # a generator
    assert children() == before
    resumed = train(given, data, tmp_path / "resumed", resume=checkpoint)
    assert [numbers(next(resumed)), numbers(next(resumed))] == of_four_epochs[2:]
    resumed.close()  # type: ignore[attr-defined]
    assert children() == before
    rows = (tmp_path / "resumed/results.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3", "4"]
    assert (tmp_path / "resumed/weights/best.pt").is_file()
    evaluated = RECIPE.evaluate(given, RECIPE.open(data), tmp_path, checkpoint)  # in this process
    measured = [name for name in evaluated if not name.startswith("val")]
    assert [evaluated[name] for name in measured] == pytest.approx(
        [of_four_epochs[1][name] for name in measured], abs=1e-5
    )


@pytest.mark.e2e
def test_two_processes_compute_what_one_does_that_adds_up_their_parts(
    data: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process takes the same parts of each batch one after the other and adds up their gradients."""
    two, checkpoint = trained(settings(model, **PLAIN), data, tmp_path / "two")
    orders = iter([order(epoch) for epoch in (0, 1)])
    monkeypatch.setattr(RandomSampler, "__iter__", lambda _: iter(next(orders)))
    # The trainer seeds its weights by seed and process: of the first of several as of one with the next seed.
    single = settings(model, **PLAIN | {"batch": 2, "processes": 1, "seed": 1})
    alone, expected = trained(single, data, tmp_path / "one")
    for ours, theirs in zip(two, alone, strict=True):
        assert len(ours.steps) == 2
        assert list(ours.steps) == pytest.approx(list(theirs.steps[::2]), rel=1e-5)
        assert ours.rates == theirs.rates
    torch.testing.assert_close(weights(checkpoint), weights(expected), rtol=1e-5, atol=1e-5)


def trained(given: UltralyticsSettings, data: Path, workdir: Path) -> tuple[list[Epoch], Path]:
    """Two epochs, and the checkpoint of the second one."""
    epochs = train(given, data, workdir)
    two_epochs = [next(epochs), next(epochs)]
    return two_epochs, saved(two_epochs[1], workdir / "checkpoint")


def order(epoch: int) -> list[int]:
    """The images of the two processes' parts, in turns, two a part."""
    parts = []
    for rank in (0, 1):
        sampler: DistributedSampler[int] = DistributedSampler(range(8), 2, rank, seed=0)  # type: ignore[arg-type]
        sampler.set_epoch(epoch)
        parts.append(list(sampler))
    return [*parts[0][:2], *parts[1][:2], *parts[0][2:], *parts[1][2:]]


@pytest.mark.e2e
def test_their_weights_are_the_same_and_losses_that_are_no_numbers_are_seen_in_each(
    data: Path, model: str, tmp_path: Path
) -> None:
    given = settings(model, **AUGMENTED)
    ranks = Ranks(2, tmp_path, TARGET, given, RECIPE.open(data).sets[0], tmp_path, {})
    try:
        first, second = ranks.ask("train", 1)
        assert first.alarm is second.alarm is None
        assert first.losses != second.losses  # of different images
        first_weights, second_weights = ranks.ask("weights")
        assert first_weights == second_weights
        ranks.ask("evaluate", 1)
        first, second = ranks.ask("train", 2)
        assert first.alarm is None
        assert second.alarm.reason == "nonfinite"
    finally:
        ranks.kill()


def test_a_batch_that_cannot_be_shared_evenly_is_refused(model: str) -> None:
    with pytest.raises(SettingsError, match="batch is 4, which 3 processes cannot share evenly; give a multiple of 3"):
        settings(model, processes=3)
    with pytest.raises(SettingsError, match="rect is true, which is for one process, but processes is 2"):
        settings(model, rect=True)
