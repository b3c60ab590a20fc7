"""The winner of a sweep as a registered model, and the alias `champion`, which moves only to a better one."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow.pyfunc
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from search.export.manifest import read_about

ALIAS = "champion"
MODEL = "model"


def register(client: MlflowClient, run: str, sweep: str, folder: Path, numbers: Mapping[str, float], mode: str) -> str:
    """Register the export in `folder` as a version of its recipe's and data set's model, once a sweep.

    A version whose files are gone from the store gets them again; a champion that has lost them is none.

    Args:
        client: of the store.
        run: the sweep's run, which gets the model's files.
        sweep: what the sweep is known by in the store.
        folder: the winner's export, with a checkpoint.
        numbers: "mean" of the objective, and what else is known of it.
        mode: of the objective, "max" or "min".

    Returns:
        One sentence: which version it is and whether it is the champion.
    """
    known = read_about(folder, "recipe", "data", "trial", "metric", "environment")
    name = model_name(known["recipe"], Path(known["data"]).parent.name)
    _create(client, name)
    versions = client.search_model_versions(f"name = '{name}'")
    version = next((one for one in versions if one.tags.get("steadytune.sweep") == sweep), None)
    if version is None or not _whole(client, version):
        _put(client, run, folder)
    if version is None:
        source = f"{client.get_run(run).info.artifact_uri}/{MODEL}"
        version = client.create_model_version(name, source, run_id=run, tags=_tags(sweep, known, numbers))
    return _crown(client, name, version, mode)


def model_name(recipe: str, data: str) -> str:
    """The registered model's name: MLflow takes no '/' and no ':', and a URI no other signs; letters of any script."""
    return re.sub(r"[^\w.-]+", "_", f"{recipe}-{data}").strip("_")


def _create(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _tags(sweep: str, known: dict[str, Any], numbers: Mapping[str, float]) -> dict[str, str]:
    return {
        "steadytune.sweep": sweep,
        "steadytune.trial": str(known["trial"]),
        "steadytune.metric": known["metric"],
        "steadytune.value": repr(numbers["mean"]),
        "steadytune.data": known["environment"].get("data_fingerprint") or known["data"],
    }


def _put(client: MlflowClient, run: str, folder: Path) -> None:
    """Have the sweep's run hold the model's files."""
    with tempfile.TemporaryDirectory() as made:
        mlflow.pyfunc.save_model(
            f"{made}/{MODEL}",
            loader_module="search.tracking.predictor",
            data_path=str(folder),
            pip_requirements=["steadytune"],
        )
        client.log_artifacts(run, f"{made}/{MODEL}", MODEL)


def _whole(client: MlflowClient, version: ModelVersion) -> bool:
    """Whether the store still has the files of `version`; of one that somebody else registered nothing is known."""
    if not version.run_id or not (version.source or "").endswith(f"/{MODEL}"):
        return True
    try:
        described = [file.path for file in client.list_artifacts(version.run_id, MODEL)]
        exports = client.list_artifacts(version.run_id, f"{MODEL}/data")
        kept = [client.list_artifacts(version.run_id, f"{export.path}/checkpoint") for export in exports]
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False  # its whole run is gone
    return f"{MODEL}/MLmodel" in described and any(kept)


def _crown(client: MlflowClient, name: str, version: ModelVersion, mode: str) -> str:
    try:
        present = client.get_model_version_by_alias(name, ALIAS)
    except MlflowException:
        present = None
    if present is not None and present.version == version.version:
        return f"{name} version {version.version} is the champion"
    after = ""
    if present is not None and _whole(client, present):
        ours, theirs = version.tags, present.tags
        if ours["steadytune.data"] != theirs.get("steadytune.data"):
            return f"{name} version {version.version}; the champion, {present.version}, is of other data and stays"
        sign = 1.0 if mode == "max" else -1.0
        if sign * float(ours["steadytune.value"]) <= sign * float(theirs["steadytune.value"]):
            return f"{name} version {version.version}; the champion, {present.version}, is not beaten and stays"
    elif present is not None:
        after = f"; the one before, {present.version}, has lost its files"
    client.set_registered_model_alias(name, ALIAS, version.version)
    return f"{name} version {version.version} is the champion{after}"
