"""Where Ultralytics' own files are: models, data sets by their names, and the folders of this user's settings."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from trainables.errors import CheckpointError, DataError, SettingsError
from trainables.ultralytics_import import user_folder

_SCALED = re.compile(r"(\d+)([nsmlx])(.*)$")
"""`yolo26n-seg`: the file of all sizes is called without the letter."""


def package_folder() -> Path:
    """Where Ultralytics is installed."""
    spec = importlib.util.find_spec("ultralytics")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def model_file(model: str) -> str:
    """What Ultralytics loads `model` from: a file that is here, or the name of one of its own model YAMLs.

    Raises:
        CheckpointError: a .pt file is not here.
        SettingsError: there is no such model YAML, or it is neither.
    """
    name = model if Path(model).suffix else f"{model}.pt"
    if Path(name).suffix.lower() in (".yaml", ".yml"):
        upstream_name = re.sub(_SCALED, r"\1\3", Path(name).stem) + ".yaml"
        if Path(name).is_file() or any(any(_models().rglob(pattern)) for pattern in (upstream_name, Path(name).name)):
            return name
        raise SettingsError(
            f"ultralytics: model is {model}; no such file, and Ultralytics has no {upstream_name} either"
        )
    if Path(name).suffix.lower() != ".pt":
        raise SettingsError(f"ultralytics: model is {model}; it must be a .pt file, or a model YAML")
    if Path(name).is_file():
        return str(Path(name).absolute())
    weights_folder = user_folder("weights_dir")
    if weights_folder and (weights_folder / name).is_file():
        return str(weights_folder / name)
    raise CheckpointError(
        f"ultralytics: model is {model}; no such file, and nothing is downloaded unasked: set download=true to let"
        f" Ultralytics fetch it, give the path of a .pt file, or train from a YAML such as yolo26n.yaml"
    )


def _models() -> Path:
    return package_folder() / "cfg" / "models"


def is_own_data_set(file: Path) -> bool:
    """Whether a data YAML is one that comes with Ultralytics, whose images do not."""
    return file.is_relative_to(package_folder())


def data_file(name: str) -> Path | None:
    """The data set called `name`: a path, one of Ultralytics' own YAMLs, or a folder of its data sets; None if none."""
    if Path(name).exists():
        return Path(name)
    upstream_file = (
        package_folder() / "cfg" / "datasets" / (name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    )
    if Path(name).name == name and upstream_file.is_file():
        return upstream_file
    datasets = user_folder("datasets_dir")
    return datasets / name if datasets and (datasets / name).exists() else None


def download_data(name: str, task: str) -> None:
    """Have Ultralytics fetch the data set `name`, in a process with this user's own settings.

    Raises:
        DataError: it could not.
    """
    function = "check_cls_dataset" if task == "classify" else "check_det_dataset"
    done = _fetched(f"from ultralytics.data.utils import {function}; {function}({name!r})")
    if done:
        raise DataError(f"data is {name}; Ultralytics could not fetch it ({done}); fetch it elsewhere, give its path")


def download_model(name: str) -> None:
    """Have Ultralytics fetch the weights `name` into the current folder, or find them in its own.

    Raises:
        CheckpointError: it could not.
    """
    script = f"from ultralytics.utils.downloads import attempt_download_asset; attempt_download_asset({name!r})"
    done = _fetched(script)
    if done:
        raise CheckpointError(
            f"ultralytics: model is {name}; Ultralytics could not fetch it ({done}); fetch it elsewhere, give its path"
        )


def _fetched(script: str) -> str:
    """Run `script`; "" if it went well, else the last line of what it said."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason given"])[-1]
