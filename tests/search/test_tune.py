"""`tune` with Ultralytics' names: what its arguments become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ray import tune as ray_tune

from search import tune as module
from search.sweep.spec import SweepSpec
from search.tune import TuneResult, converted, tune
from trainables.errors import SettingsError


@pytest.fixture
def specs(monkeypatch: pytest.MonkeyPatch) -> list[SweepSpec]:
    """The sweeps that were to run."""
    given: list[SweepSpec] = []

    def run(spec: SweepSpec, root: Path) -> TuneResult:
        given.append(spec)
        return TuneResult(root, 0, {}, 0.0, 0.0)

    monkeypatch.setattr(module, "_run", run)
    return given


def test_the_arguments_of_model_tune_are_the_fields_of_a_sweep(specs: list[SweepSpec]) -> None:
    tune("yolo26n.pt", data="coco8.yaml", epochs=50, iterations=30, name="mine", imgsz=320, sweep={"gpus": 0.5})
    (spec,) = specs
    assert (spec.recipe, spec.data, spec.trials, spec.name, spec.gpus) == ("ultralytics", "coco8.yaml", 30, "mine", 0.5)
    assert spec.set == {"imgsz": 320, "model": "yolo26n.pt", "epochs": 50}


def test_a_space_of_their_own_form_is_all_that_varies(specs: list[SweepSpec]) -> None:
    tune("yolo26n.pt", "coco8.yaml", space={"lr0": (1e-5, 1e-2), "mosaic": (0.0, 1.0, 0.5), "imgsz": [320, 640]})
    (spec,) = specs
    ranged = {name: chosen for name, chosen in spec.set.items() if isinstance(chosen, (dict, list))}
    assert ranged == {
        "lr0": {"low": 1e-5, "high": 1e-2},
        "mosaic": {"low": 0.0, "high": 1.0, "log": False},
        "imgsz": [320, 640],
    }
    assert spec.set["momentum"] == 0.937
    assert spec.set["optimizer"] == "AdamW", "as in model.tune"


def test_an_optimizer_that_is_given_or_searched_is_kept(specs: list[SweepSpec]) -> None:
    tune("yolo26n.pt", "coco8.yaml", space={"lr0": (1e-5, 1e-2)}, optimizer="SGD")
    tune("yolo26n.pt", "coco8.yaml", space={"lr0": (1e-5, 1e-2), "optimizer": ["SGD", "AdamW"]})
    assert [spec.set["optimizer"] for spec in specs] == ["SGD", ["SGD", "AdamW"]]


def test_a_seed_is_that_of_the_sweep(specs: list[SweepSpec]) -> None:
    tune("yolo26n.pt", "coco8.yaml", seed=3)
    tune("yolo26n.pt", "coco8.yaml", seed=3, sweep={"seed": 4})
    assert [spec.seed for spec in specs] == [3, 4]
    assert all("seed" not in spec.set for spec in specs)


def test_a_model_and_data_that_are_files_here_are_found_by_the_workers(
    specs: list[SweepSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.pt", "cattle.yaml"):
        Path(name).touch()
    tune("mine.pt", data="cattle.yaml")
    assert (specs[0].set["model"], specs[0].data) == (str(tmp_path / "mine.pt"), str(tmp_path / "cattle.yaml"))


def test_several_data_sets_and_a_yolo_object(specs: list[SweepSpec]) -> None:
    class Yolo:
        ckpt_path = "runs/best.pt"

    tune(Yolo(), data=["a.yaml", Path("b.yaml")])
    assert (specs[0].data, specs[0].set["model"]) == ("a.yaml,b.yaml", "runs/best.pt")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ray_tune.uniform(0.1, 0.9), {"low": 0.1, "high": 0.9, "log": False}),
        (ray_tune.uniform(0, 45), {"low": 0, "high": 45, "log": False}),
        (ray_tune.loguniform(1e-5, 1e-2), {"low": 1e-5, "high": 1e-2, "log": True}),
        (ray_tune.randint(1, 11), {"low": 1, "high": 10, "log": False}),
        (ray_tune.lograndint(1, 11), {"low": 1, "high": 10, "log": True}),
        (ray_tune.choice(["SGD", "AdamW"]), ["SGD", "AdamW"]),
        ("SGD", "SGD"),
        ({"low": 1, "high": 2}, {"low": 1, "high": 2}),
    ],
)
def test_rays_ranges_are_taken(given: Any, expected: Any) -> None:
    assert converted("x", given) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (ray_tune.qrandint(320, 640, 32), "is rounded to steps"),
        (ray_tune.qloguniform(1e-5, 1e-1, 1e-5), "is rounded to steps"),
        (ray_tune.randn(0.0, 1.0), "is no range between two bounds"),
    ],
)
def test_rays_other_domains_are_refused(given: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=rf"space.x {words}, which no range here is; give \(low, high\)"):
        converted("x", given)


def test_what_is_no_range_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"space.lr0 is \(1,\); it must be \(low, high\) or \(low, high, gain\)"):
        converted("lr0", (1,))


def test_what_means_something_else_here_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match=r"tune: gpu_per_trial is not taken; give gpus in sweep=\{...\}"):
        tune("yolo26n.pt", "coco8.yaml", gpu_per_trial=1)
    with pytest.raises(SettingsError, match=r"tune: model is a int; it must be a .pt file"):
        tune(3, "coco8.yaml")
