"""Where the detector's first weights come from. Never random ones where others were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from ultralytics.nn.tasks import DetectionModel

from trainables.errors import CheckpointError
from trainables.loop import seeded
from trainables.rgbt.architecture import BACKBONE, first_layers, size_of
from trainables.rgbt.model import ADDED, PLAIN, STEM, empty_model, fusion_of
from trainables.rgbt.settings import NO_TEACHER, TEACHERS, RgbtSettings
from trainables.vision.first_weights import downloaded, read_weights
from trainables.vision.inference import fill, parts
from trainables.vision.weights_only import class_names_in, load_pickled, weights_in

RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0"
"""The release whose files this Ultralytics downloads by itself."""
FIRST = "model.0.conv.weight"
"""The first weight of a backbone (width, channels, 3, 3)."""
NEEDS_ITS_FUSION = {
    "gated": "weigh the modalities by a gate",
    "attention": "weigh the planes by attention",
    "two-stream": "have two backbones",
}
"""Fusions whose weights fit a model of the same fusion alone, and what there is in them."""


def load_weights(weights: str, size: str) -> DetectionModel | None:
    """The model in `weights`: "none", "ultralytics" (downloaded), a .pt file or an earlier training's.

    An earlier training's is a checkpoint directory, or the weights of its export, of any fusion. An Ultralytics .pt
    file holds a pickled model; its numbers are taken, and nothing in it is run (`trainables.vision.weights_only`).

    Raises:
        CheckpointError: nothing there, no network, or no detection model of this kind; says what to fetch.
    """
    if weights == "none":
        return None
    path = _downloaded(size, "weights", weights) if weights == "ultralytics" else Path(weights)
    missing = (
        f"give an Ultralytics checkpoint ({_address(size)}), ultralytics to download it, a checkpoint directory of an"
        " earlier training, or none"
    )
    return _read(path, size, "weights", missing)


def load_teacher(teacher: str) -> DetectionModel:
    """The model in `teacher`, of whatever size: one of `TEACHERS` (downloaded), a .pt file or an earlier training's.

    Raises:
        CheckpointError: as `load_weights`.
    """
    size = TEACHERS.get(teacher)
    path = _downloaded(size, "teacher", teacher) if size else Path(teacher)
    return _read(path, None, "teacher", NO_TEACHER)


def _read(path: Path, size: str | None, role: str, missing: str) -> DetectionModel:
    """The model at `path`; `size` None: of the size that its weights have."""
    if path.is_dir():
        saved = parts(path, "names", "ema")
        return _rebuilt(saved["ema"], saved["names"], size, path, role)
    owner = f"rgbt: {role} {path}"
    broken = "it must be an Ultralytics .pt file"
    saved = read_weights(path, owner, missing=missing, broken=broken, load=load_pickled)
    earlier: Any = (saved.get("ema") or saved.get("model")) if isinstance(saved, dict) else None
    if isinstance(earlier, Mapping) and "names" in saved:
        return _rebuilt(earlier, saved["names"], size, path, role)
    state = weights_in(saved)
    filters = _backbone(state).get(FIRST)
    if filters is None or _classes(state) is None:
        raise CheckpointError(f"{owner}: hold no Ultralytics detection model; give a yolo26 .pt file")
    if filters.shape[1] not in (3, 4):
        raise CheckpointError(f"{owner}: take {filters.shape[1]} channels; give a model of 3 or 4")
    model = _model(state, size or _size(state, owner), class_names_in(saved))
    _check_fits(model.state_dict(), state, f"{role} {path}")
    return model


def _size(state: Mapping[str, Tensor], owner: str) -> str:
    """The size of the model whose weights are `state`."""
    backbone = _backbone(state)
    blocks = {name.split(".")[3] for name in backbone if name.startswith("model.2.m.")}
    size = size_of(len(backbone[FIRST]), len(blocks)) if FIRST in backbone else None
    if size is None:
        raise CheckpointError(f"{owner}: are of no YOLO26 of size t, n, s, m, l or x; give a yolo26 .pt file")
    return size


def _classes(state: Mapping[str, Tensor]) -> Tensor | None:
    """The last weight of the head's classes (classes, width, 1, 1)."""
    return next((value for name, value in state.items() if name.endswith(".cv3.0.2.weight")), None)


def _model(state: dict[str, Tensor], size: str, names: dict[int, str]) -> DetectionModel:
    """Ultralytics' model of `size` with the weights `state` as far as they fit; its head is as wide as theirs."""
    classes = _classes(state)
    assert classes is not None
    fusion = fusion_of(state)
    channels = 4 if fusion == "two-stream" else state[FIRST].shape[1]
    with seeded(0, "weights"):  # of what does not fit
        model = empty_model(size, fusion, channels, classes.shape[1])
        head: Any = model.model[-1]
        for branch in (*head.cv3, *head.one2one_cv3):  # Ultralytics makes them wide for many classes, then keeps them
            branch[-1] = nn.Conv2d(branch[-1].in_channels, len(classes), 1)
        head.nc = len(classes)
    expected = model.state_dict()
    fitting = {name: value for name, value in state.items() if name in expected and expected[name].shape == value.shape}
    model.load_state_dict(fitting, strict=False)
    model.names = names
    return model


def check_fits(model: DetectionModel, weights: DetectionModel, owner: str) -> None:
    """Refuse `weights` of another size: Ultralytics would leave out, without a word, what does not fit.

    Raises:
        CheckpointError: a backbone layer differs in more than the input's channels, or the weights' fusion has nowhere
            to go.
    """
    _check_fits(model.state_dict(), weights.state_dict(), f"weights {owner}")


def _check_fits(model: Mapping[str, Tensor], weights: Mapping[str, Tensor], owner: str) -> None:
    fusion = fusion_of(weights)
    if fusion in NEEDS_ITS_FUSION and fusion != fusion_of(model):
        raise CheckpointError(f"rgbt: {owner}: {NEEDS_ITS_FUSION[fusion]}; set fusion to {fusion}")
    loaded = _backbone(weights)
    for name, value in _backbone(model).items():
        shape = tuple(loaded[name].shape) if name in loaded else None
        widened = name == FIRST and shape and shape[0] == value.shape[0]
        if shape != tuple(value.shape) and not widened:
            raise CheckpointError(
                f"rgbt: {owner}: {name} is {shape or 'missing'}, but the model has {tuple(value.shape)}; give"
                " a YOLO26 detector of the same size, or none"
            )


def _backbone(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a model's first backbone, under the names that they have in Ultralytics' own model."""
    first = first_layers(fusion_of(state))[0]
    backbone = {}
    for name, value in state.items():
        if not name.startswith("model.") or name.startswith(tuple(ADDED.values())):
            continue
        _, number, rest = name.replace(STEM, PLAIN).split(".", 2)
        if 0 <= int(number) - first < BACKBONE:
            backbone[f"model.{int(number) - first}.{rest}"] = value
    return backbone


def _rebuilt(state: Mapping[str, Any], names: list[str], size: str | None, path: Path, role: str) -> DetectionModel:
    """The model of `size` whose weights `state` an earlier training of ours left at `path`."""
    size = size or _size(state, f"rgbt: {role} {path}")
    with seeded("rebuilt"):  # for the random weights that are replaced at once: others' random numbers stay the same
        model = empty_model(size, fusion_of(state), 4, len(names))
    fill(model, state, path)
    model.names = dict(enumerate(names))  # Ultralytics' `load` matches classes by them
    return model


def _address(size: str) -> str:
    return f"{RELEASE}/yolo26{'n' if size == 't' else size}.pt"


def fetch(settings: RgbtSettings) -> None:
    """See `Recipe.fetch`."""
    if settings.weights == "ultralytics":
        _downloaded(settings.model, "weights", settings.weights)
    if settings.teacher in TEACHERS:
        _downloaded(TEACHERS[settings.teacher], "teacher", settings.teacher)


def _downloaded(size: str, role: str, name: str) -> Path:
    """Ultralytics' file in torch's own cache of downloads; `name` is what the setting `role` asked for."""
    owner = f"rgbt: {role} {name}"
    if size == "t":
        raise CheckpointError(f"{owner}: there are none of model t; set model to n … x, or {role}")
    return downloaded(_address(size), owner, role)
