"""`tune`, for Python: a sweep of the recipe ultralytics with the names of Ultralytics' own `model.tune`.

import steadytune
result = steadytune.tune("yolo26n.pt", data="coco8.yaml", epochs=50, iterations=30, space={"lr0": (1e-5, 1e-2)})
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.run.shown import run_shown
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from search.sweep.sweep_file import spec_of
from trainables.errors import SettingsError, SteadytuneError
from trainables.settings import read_yaml

NOT_TAKEN = {
    "use_ray": "every sweep runs on Ray",
    "gpu_per_trial": "give gpus in sweep={...}",
    "grace_period": "give grace_epochs in sweep={...}",
    "resume": "resume a sweep with `steadytune resume NAME`",
    "mongodb_uri": "workers on several machines join by address in sweep={...}",
}
"""Arguments of `model.tune` that are not taken here; each with the reason or with what to give instead."""


@dataclass(frozen=True)
class TuneResult:
    """The winner of a sweep.

    Attributes:
        folder: of the export: `weights/best.pt`, `best_hyperparameters.yaml`, `tune_results.ndjson` and the others.
        trial: its number.
        settings: the best configuration, under Ultralytics' names.
        value: of the objective, the mean over the fresh seeds.
        std: over the fresh seeds.
    """

    folder: Path
    trial: int
    settings: Mapping[str, Any]
    value: float
    std: float


def tune(
    model: Any,
    data: str | Path | Sequence[str | Path],
    epochs: int = 100,
    iterations: int = 10,
    space: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    sweeps: str | Path = "sweeps",
    sweep: Mapping[str, Any] | None = None,
    **settings: Any,
) -> TuneResult:
    """Search the best configuration of a training by Ultralytics, and export it.

    Args:
        model: a .pt file, a model YAML, or a `YOLO` object that was made of either.
        data: a data set as Ultralytics takes it, or several of them, whose mean counts.
        epochs: of a whole training.
        iterations: trials; most are paused or stopped before their last epoch.
        space: ranges by name: (low, high) or (low, high, gain) as `model.tune` takes them (the gain means nothing
            here), `ray.tune` ranges, lists of choices, or {"low": …, "high": …, "log": …}. Without it, the task's own
            space. With it, everything else is pinned, as in `model.tune`, with its optimizer, AdamW.
        name: of the sweep; made of the time if not given.
        sweeps: folder of the sweeps.
        sweep: further fields of a sweep file, such as gpus, hours, seed or confirm_seeds.
        settings: pinned settings: Ultralytics' training arguments. `seed` is the sweep's, as in `sweep`.

    Raises:
        SteadytuneError: something is wrong, in one sentence; or there is no best configuration.
    """
    for argument in settings.keys() & NOT_TAKEN.keys():
        raise SettingsError(f"tune: {argument} is not taken; {NOT_TAKEN[argument]}")
    pinned = {**settings, "model": _model_name(model), "epochs": epochs}
    fields = dict(sweep or {})
    if "seed" in pinned:  # of a training; the sweep gives each its own, which follow from this one
        fields = {"seed": pinned.pop("seed"), **fields}
    preset = fields.get("preset", "paper")
    searched = {setting: converted(setting, chosen) for setting, chosen in (space or {}).items()}
    if searched and "optimizer" not in searched:
        pinned = {"optimizer": "AdamW", **pinned}  # as `model.tune` has it
    sources = [data] if isinstance(data, (str, Path)) else list(data)
    values = {
        "recipe": "ultralytics",
        "preset": preset,
        "data": ",".join(map(str, sources)),
        "name": name or f"tune-{time.strftime('%Y%m%d-%H%M%S')}",
        "trials": iterations,
        **fields,
        "set": {**_pins(pinned, searched, preset), **dict(fields.get("set", {}))},
    }
    return _run(spec_of(values, {}, "tune"), Path(sweeps))


def converted(name: str, chosen: Any) -> Any:
    """A range of `model.tune`'s or of Ray's as a sweep file has it; what is neither stays as it is.

    Raises:
        SettingsError: a tuple is no range.
    """
    if isinstance(chosen, tuple):
        if len(chosen) not in (2, 3) or not all(isinstance(value, (int, float)) for value in chosen):
            raise SettingsError(f"space.{name} is {chosen}; it must be (low, high) or (low, high, gain)")
        low, high = chosen[:2]
        return {"low": low, "high": high, **({} if low > 0 else {"log": False})}
    if hasattr(chosen, "categories"):  # ray.tune.choice
        return list(chosen.categories)
    if hasattr(chosen, "lower") and hasattr(chosen, "sampler"):  # ray.tune.uniform, loguniform, randint, lograndint
        return _from_ray(name, chosen)
    return chosen


def _from_ray(name: str, chosen: Any) -> dict[str, Any]:
    """A range of Ray's, which says by its type alone whether it is of whole numbers: uniform(0, 45) is of any.

    Raises:
        SettingsError: it is rounded, or no range between two bounds.
    """
    kind = type(chosen.sampler).__name__
    if "Uniform" not in kind:
        problem = "rounded to steps" if kind == "Quantized" else "no range between two bounds"
        raise SettingsError(
            f"space.{name} is {problem}, which no range here is; give (low, high), tune.uniform or tune.loguniform, or "
            "a list of the values"
        )
    high = chosen.upper - 1 if type(chosen).__name__ == "Integer" else chosen.upper
    return {"low": chosen.lower, "high": high, "log": "Log" in kind}


def _pins(pinned: Mapping[str, Any], searched: Mapping[str, Any], preset: str) -> dict[str, Any]:
    """The field `set`: what is pinned and what is searched; with a space of the user's, the default space is pinned."""
    if not searched:
        return dict(pinned)
    from spaces import registry as space_registry
    from spaces.space import ranges
    from trainables import registry

    recipe = registry.find_installed("ultralytics")
    choices = {**pinned, **searched}
    defaults = recipe.settings(preset, pinned).model_dump()
    drawn = ranges(space_registry.find(recipe, preset, choices), choices)
    rest = {name: defaults[name] for name in drawn if name not in choices}
    return {**rest, **choices}


def _model_name(model: Any) -> str:
    if isinstance(model, (str, Path)):
        return str(model)
    for attribute in ("ckpt_path", "cfg"):  # of a YOLO object
        if isinstance(getattr(model, attribute, None), str):
            return str(getattr(model, attribute))
    raise SettingsError(
        f"tune: model is a {type(model).__name__}; it must be a .pt file, a model YAML or a YOLO object"
    )


def _run(spec: SweepSpec, root: Path) -> TuneResult:
    from rich.console import Console

    folder = SweepFolder(root, spec.name)
    state = run_shown(spec.name, root, spec, Console(highlight=False))
    ended = state.ended
    assert ended is not None, "it ran to its end"
    if ended.trial < 0:
        raise SteadytuneError(f"sweep {spec.name}: {ended.detail}; see `{folder.command('status')}`")
    settings = read_yaml(folder.best / "settings.yaml")
    return TuneResult(folder.best, ended.trial, settings, ended.numbers["mean"], ended.numbers["std"])
