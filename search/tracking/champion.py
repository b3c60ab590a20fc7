"""The winner of a sweep as a registered model, and the alias `champion`, which moves only to a better one."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow.pyfunc
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from search.export.manifest import read_about
from search.pruning.objective import EARLIER_OBJECTIVE
from search.tracking.data_names import DATA_TAG, model_names
from search.tracking.served import described
from trainables import registry
from trainables.metric_text import mean_and_std_text, metric_text

ALIAS = "champion"
MODEL = "model"
EPOCH_TAG = "steadytune.epoch"
"""Tag: the epoch after which the model's checkpoint was written. Model versions of earlier releases lack it."""
METRIC_TAG = "steadytune.metric"
"""Tag: the metric that the sweep optimised."""
OBJECTIVE_TAG = "steadytune.objective"
"""Tag: which objective the tag "steadytune.value" is of. Model versions without it are older than this choice."""
LAST_TAG = "steadytune.value_last"
"""Tag: the value by the objective `last`, by which model versions of different objectives are compared."""


def register(
    client: MlflowClient,
    run: str,
    sweep: str,
    folder: Path,
    numbers: Mapping[str, float],
    mode: str,
    data_name: str,
) -> str:
    """Register the export in `folder` as a version of the model of its recipe and data set, once per winner.

    A sweep that was given more to do may end with another winner, or with a later checkpoint of the same one. That
    becomes another version, whose files lie beside those of the earlier one. If the files of a version are gone from
    the store, they are uploaded again. A champion whose files are gone does not count.

    Args:
        client: of the store.
        run: the sweep's run, which gets the model's files.
        sweep: the value of the tag `steadytune.sweep` in the store.
        folder: the winner's export, with a checkpoint.
        numbers: of the sweep's result; "mean" is the objective's, "last" that of the objective `last`.
        mode: of the objective, "max" or "min".
        data_name: of the data set; "" in a sweep of version 0.1.0.

    Returns:
        One sentence: which version it is and whether it is the champion.
    """
    about = read_about(folder, "recipe", "data", "trial", "metric", "environment")
    data, directory = _data(about), about.get("declaration", {}).get("directory", "")
    name = _found_or_created(
        client, model_names(about["recipe"], about["data"] or f"{directory}/-", data_name, data), data
    )
    tags = _tags(sweep, about, numbers)
    versions = client.search_model_versions(f"name = '{name}'")
    of_sweep = [version for version in versions if version.tags.get("steadytune.sweep") == sweep]
    version = next((version for version in of_sweep if _same_model(version.tags, tags)), None)
    path = MODEL if not of_sweep else f"{MODEL}-{len(of_sweep) + 1}"
    if version is not None:
        path = _path(version) or MODEL
    if version is None or not _has_files(client, version):
        _log_model(client, run, folder, path)
    if version is None:
        source = f"{client.get_run(run).info.artifact_uri}/{path}"
        description = _description(about, sweep, numbers)
        version = client.create_model_version(name, source, run_id=run, tags=tags, description=description)
    return _promote(client, name, version, mode)


def _found_or_created(client: MlflowClient, names: Sequence[str], data: str) -> str:
    """The model's name: the first of `names` that is free or belongs to the same data; else the last one."""
    for name in names:
        try:
            client.create_registered_model(name, tags={DATA_TAG: data})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            if name != names[-1] and client.get_registered_model(name).tags.get(DATA_TAG) != data:
                continue
        break
    return name


def _tags(sweep: str, about: dict[str, Any], numbers: Mapping[str, float]) -> dict[str, str]:
    tags = {
        "steadytune.sweep": sweep,
        "steadytune.trial": str(about["trial"]),
        EPOCH_TAG: str(about.get("checkpoint_epoch")),
        METRIC_TAG: about["metric"],
        "steadytune.value": repr(numbers["mean"]),
        OBJECTIVE_TAG: about.get("objective", EARLIER_OBJECTIVE),
        DATA_TAG: _data(about),
    }
    return tags | ({LAST_TAG: repr(numbers["last"])} if "last" in numbers else {})


def _description(about: Mapping[str, Any], sweep: str, numbers: Mapping[str, float]) -> str:
    """What the model's page shows: its score, and where it is from."""
    seeds = int(numbers.get("seeds", 1))
    score = metric_text(numbers["mean"])
    if seeds > 1 and "std" in numbers:
        score = f"{mean_and_std_text(numbers['mean'], numbers['std'])} over {seeds} fresh seeds"
    return f"{about['metric']} {score}. Trial {about['trial']} of the sweep {sweep.rpartition('@')[0] or sweep}."


def _data(about: Mapping[str, Any]) -> str:
    """What identifies the data: their fingerprint, else their location."""
    return str(about["environment"].get("data_fingerprint") or about["data"])


def _same_model(version: Mapping[str, str], tags: Mapping[str, str]) -> bool:
    """Whether a registered version of the sweep holds the same checkpoint, by its tags and the new `tags`."""
    return all(version.get(name, tags[name]) == tags[name] for name in ("steadytune.trial", EPOCH_TAG))


def _log_model(client: MlflowClient, run: str, folder: Path, path: str) -> None:
    """Upload the model's files to `path` of the sweep's run."""
    about = read_about(folder, "recipe")
    description, example = described(registry.find(about["recipe"], about.get("declaration")))
    with tempfile.TemporaryDirectory() as local:
        mlflow.pyfunc.save_model(
            f"{local}/{path}",
            loader_module="search.tracking.predictor",  # in every registered model: never rename that module
            data_path=str(folder),
            mlflow_model=description,
            input_example=example,
            pip_requirements=["steadytune"],
        )
        client.log_artifacts(run, f"{local}/{path}", path)


def _path(version: ModelVersion) -> str:
    """Where the version's files are in its run; "" if another program put them elsewhere."""
    path = (version.source or "").rpartition("/")[2]
    return path if path == MODEL or path.startswith(f"{MODEL}-") else ""


def _has_files(client: MlflowClient, version: ModelVersion) -> bool:
    """Whether the store still has the files of `version`; assumed of a version that another program registered."""
    run, path = version.run_id, _path(version)
    if not run or not path:
        return True
    try:
        paths = [file.path for file in client.list_artifacts(run, path)]
        exports = client.list_artifacts(run, f"{path}/data")
        checkpoints = [client.list_artifacts(run, f"{export.path}/checkpoint") for export in exports]
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False  # its run was deleted
    return f"{path}/MLmodel" in paths and any(checkpoints)


def _comparable(version: Mapping[str, str], champion: Mapping[str, str]) -> tuple[float, float]:
    """The values of a new version and of the champion by one objective: their own if it is the same, else `last`."""
    objectives = {tags.get(OBJECTIVE_TAG, EARLIER_OBJECTIVE) for tags in (version, champion)}
    names = ("steadytune.value",) if len(objectives) == 1 else (LAST_TAG, "steadytune.value")
    value, champion_value = (float(next(tags[name] for name in names if name in tags)) for tags in (version, champion))
    return value, champion_value


def _promote(client: MlflowClient, name: str, version: ModelVersion, mode: str) -> str:
    try:
        champion = client.get_model_version_by_alias(name, ALIAS)
    except MlflowException:
        champion = None
    if champion is not None and champion.version == version.version:
        return f"{name} version {version.version} is the champion"
    note = ""
    if champion is not None and _has_files(client, champion):
        if version.tags[DATA_TAG] != champion.tags.get(DATA_TAG):
            return f"{name} version {version.version}; the champion, {champion.version}, is of other data and stays"
        metric = champion.tags.get(METRIC_TAG, version.tags[METRIC_TAG])
        if version.tags[METRIC_TAG] != metric:  # two metrics do not compare
            return (
                f"{name} version {version.version}; the champion, {champion.version}, was chosen by {metric} and stays"
            )
        # Of two winners of one sweep, the sweep itself has judged which is better.
        same_sweep = version.tags["steadytune.sweep"] == champion.tags.get("steadytune.sweep")
        value, champion_value = _comparable(version.tags, champion.tags)
        beaten = value > champion_value if mode == "max" else value < champion_value
        if not beaten and not same_sweep:
            return f"{name} version {version.version}; the champion, {champion.version}, is not beaten and stays"
    elif champion is not None:
        note = f"; the one before, {champion.version}, has lost its files"
    client.set_registered_model_alias(name, ALIAS, version.version)
    return f"{name} version {version.version} is the champion{note}"
