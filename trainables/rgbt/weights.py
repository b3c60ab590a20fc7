"""Where the detector's first weights come from. Never random ones where others were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.nn.tasks import DetectionModel

from trainables.errors import CheckpointError
from trainables.loop import seeded
from trainables.rgbt.architecture import model_yaml
from trainables.rgbt.model import GATE, PLAIN, STEM, GatedStem
from trainables.rgbt.settings import RgbtSettings
from trainables.vision.first_weights import downloaded_file, read_weights
from trainables.vision.inference import fill, parts
from trainables.vision.weights_only import class_names_in, load_pickled, weights_in

RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0"
"""The release whose files this Ultralytics downloads by itself."""


def load_weights(weights: str, size: str) -> DetectionModel | None:
    """The model in `weights`: "none", "ultralytics" (downloaded), a .pt file or an earlier training's.

    That is a checkpoint directory of ours, or what its export wrote, gated or not. An Ultralytics .pt file holds a
    pickled model; its numbers are taken, and nothing in it is run (`trainables.vision.weights_only`).

    Raises:
        CheckpointError: nothing there, no network, or no detection model of this kind; says what to fetch.
    """
    if weights == "none":
        return None
    path = _downloaded(size) if weights == "ultralytics" else Path(weights)
    if path.is_dir():
        saved = parts(path, "names", "ema")
        return _rebuilt(saved["ema"], saved["names"], size, path)
    missing = (
        f"give an Ultralytics checkpoint ({_address(size)}), ultralytics to download it, a checkpoint directory of an"
        " earlier training, or none"
    )
    broken = "it must be an Ultralytics .pt file"
    saved = read_weights(path, f"rgbt: weights {path}", missing=missing, broken=broken, load=load_pickled)
    earlier: Any = (saved.get("ema") or saved.get("model")) if isinstance(saved, dict) else None
    if isinstance(earlier, Mapping) and "names" in saved:
        return _rebuilt(earlier, saved["names"], size, path)
    state = weights_in(saved)
    if FIRST not in state or _classes(state) is None:
        raise CheckpointError(f"rgbt: weights {path}: hold no Ultralytics detection model; give a yolo26 .pt file")
    channels = state[FIRST].shape[1]
    if channels not in (3, 4):
        raise CheckpointError(f"rgbt: weights {path}: take {channels} channels; give a model of 3 or 4")
    model = _model(state, size, class_names_in(saved))
    _check_fits(model.state_dict(), state, weights)
    return model


FIRST = "model.0.conv.weight"
"""The first weight of Ultralytics' model (width, channels, 3, 3)."""


def _classes(state: dict[str, Tensor]) -> Tensor | None:
    """The last weight of the head's classes (classes, width, 1, 1)."""
    return next((value for name, value in state.items() if name.endswith(".cv3.0.2.weight")), None)


def _model(state: dict[str, Tensor], size: str, names: dict[int, str]) -> DetectionModel:
    """Ultralytics' model of `size` with the weights `state` as far as they fit; its head is as wide as theirs."""
    classes = _classes(state)
    assert classes is not None
    with seeded(0, "weights"):  # of what does not fit
        model = DetectionModel(model_yaml(size), ch=state[FIRST].shape[1], nc=classes.shape[1], verbose=False)
        head: Any = model.model[-1]
        for branch in (*head.cv3, *head.one2one_cv3):  # Ultralytics makes them wide for many classes, then keeps them
            branch[-1] = nn.Conv2d(branch[-1].in_channels, len(classes), 1)
    expected = model.state_dict()
    fitting = {name: value for name, value in state.items() if name in expected and expected[name].shape == value.shape}
    model.load_state_dict(fitting, strict=False)
    model.names = names
    return model


def check_fits(model: DetectionModel, weights: DetectionModel, owner: str) -> None:
    """Refuse `weights` of another size: Ultralytics would leave out, without a word, what does not fit.

    Raises:
        CheckpointError: a backbone layer differs in more than the input's channels, or a gate has nowhere to go.
    """
    _check_fits(model.state_dict(), weights.state_dict(), owner)


def _check_fits(model: Mapping[str, Tensor], weights: Mapping[str, Tensor], owner: str) -> None:
    loaded = {name.replace(STEM, PLAIN): value for name, value in weights.items()}
    ours = {name.replace(STEM, PLAIN): value for name, value in model.items()}
    if any(name.startswith(GATE) and name not in ours for name in loaded):
        raise CheckpointError(f"rgbt: weights {owner}: weigh the modalities by a gate; set fusion to gated")
    for name, value in ours.items():
        number = int(name.split(".")[1])
        if number > LAST_BACKBONE_LAYER:
            return
        shape = tuple(loaded[name].shape) if name in loaded else None
        widened = number == 0 and shape and shape[0] == value.shape[0]
        if shape != tuple(value.shape) and not widened and not name.startswith(GATE):
            raise CheckpointError(
                f"rgbt: weights {owner}: {name} is {shape or 'missing'}, but the model has {tuple(value.shape)}; give"
                " weights of the same size, or weights: none"
            )


LAST_BACKBONE_LAYER = 10


def _rebuilt(state: Mapping[str, Any], names: list[str], size: str, path: Path) -> DetectionModel:
    """The model of `size` whose weights `state` an earlier training of ours left at `path`."""
    with seeded("rebuilt"):  # its own first weights, which go at once, take no random numbers from others
        model = DetectionModel(model_yaml(size), ch=4, nc=len(names), verbose=False)
        if any(name.startswith(GATE) for name in state):
            model.model[0] = GatedStem(model.model[0])
    fill(model, state, path)
    return model


def _address(size: str) -> str:
    return f"{RELEASE}/yolo26{'n' if size == 't' else size}.pt"


def fetch(settings: RgbtSettings) -> None:
    """See `Recipe.fetch`."""
    _downloaded(settings.model)


def _downloaded(size: str) -> Path:
    """Ultralytics' file in torch's own cache of downloads."""
    if size == "t":
        raise CheckpointError("rgbt: weights ultralytics: there are none of model t; set model to n … x, or weights")
    path = downloaded_file(_address(size))
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(_address(size), str(path), progress=False)
    except OSError as error:  # no network, or no room
        raise CheckpointError(
            f"rgbt: weights ultralytics: {_address(size)} cannot be downloaded ({error}); fetch it elsewhere and set"
            " weights to the file, or set weights: none"
        ) from None
    return path
