"""How many trials run at a time, and how many of them share a GPU."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.execution.gpu_sharing import MAX_TRIALS_PER_GPU, gpu_share
from search.execution.resources import TrialResources, worker_slots
from search.sweep.spec import read_spec
from trainables.device import Memory
from trainables.errors import SettingsError

GB = 10**9


def gpu(peak: int, total: int, context: int = GB // 2) -> Memory:
    """Of a process alone on a GPU, whose tensors now take half of their peak."""
    return Memory(peak, peak // 2, peak // 2 + context, total)


@given(st.integers(1, 10**11), st.integers(1, 10**10), st.integers(10**9, 2 * 10**11))
def test_trials_that_share_a_gpu_fit_into_it(peak: int, context: int, total: int) -> None:
    probe = gpu(peak, total, context)
    share = gpu_share(probe)
    together = int(1 / share)
    assert 1 <= together <= MAX_TRIALS_PER_GPU
    assert TrialResources(0.01, share, 0).trials_on({"CPU": 99, "GPU": 1.0}) == together
    assert together == 1 or together * (peak + context) <= total


@pytest.mark.parametrize(
    ("peak", "total", "share"), [(5, 80, 0.0769), (11, 24, 1.0), (10, 24, 0.5), (23, 24, 1.0), (30, 24, 1.0)]
)
def test_a_tenth_of_a_gpu_is_spared(peak: int, total: int, share: float) -> None:
    assert gpu_share(gpu(peak * GB, total * GB)) == share


def test_a_trial_does_not_spread_over_two_nodes() -> None:
    nodes: list[Mapping[str, float]] = [
        {"CPU": 3.0, "GPU": 1.0, "memory": 16e9},
        {"CPU": 8.0, "GPU": 1.0, "memory": 4e9},
    ]
    assert worker_slots(None, TrialResources(2, 0, 0), nodes) == 5
    assert worker_slots(None, TrialResources(2, 0.25, 0), nodes) == 5
    assert worker_slots(None, TrialResources(2, 0.5, 0), nodes) == 3
    assert worker_slots(None, TrialResources(1, 0, 3), nodes) == 4
    assert worker_slots(2, TrialResources(1, 0, 3), nodes) == 2


def test_more_trials_at_a_time_than_fit_are_refused() -> None:
    nodes: list[Mapping[str, float]] = [{"CPU": 3.0, "GPU": 1.0, "memory": 16e9}]
    words = (
        "workers is 4 with 1 CPUs and 0.5 GPUs and 6 GB per trial, "
        "but there are 3 CPUs and 1 GPUs and 16 GB; 2 at a time would fit"
    )
    with pytest.raises(SettingsError) as caught:
        worker_slots(4, TrialResources(1, 0.5, 6), nodes)
    assert str(caught.value) == words
    with pytest.raises(
        SettingsError, match=r"a trial takes 4 CPUs and 0 GPUs, which no node has; there are 3 CPUs and 1 GPUs$"
    ):
        worker_slots(None, TrialResources(4, 0, 0), nodes)


@pytest.mark.parametrize(
    ("gpus", "written"),
    [("half", "'half'"), (-1, "-1"), (1.5, "1.5"), (float("nan"), "nan"), (True, "true"), (None, "null")],
)
def test_a_trial_takes_a_share_of_a_gpu_or_whole_ones(gpus: object, written: str) -> None:
    with pytest.raises(SettingsError, match=rf"'gpus' is {written}; it must be the number of GPUs of one trial: auto"):
        read_spec({"recipe": "yolox", "name": "a", "data": ".", "gpus": gpus}, "sweep.yaml")
