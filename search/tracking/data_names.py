"""Names of MLflow's experiments and registered models: after the recipe and the data set, one of each per data set.

Two data sets may have the same name, such as two folders `cattle`. The first one in a store gets the plain name; the
tag `steadytune.data` of the experiment and of the model holds its fingerprint. Names of the others contain a part of
their fingerprint. So data that were moved stay together with their results, and data that changed count as another data
set, since results on the two cannot be compared.
"""

from __future__ import annotations

import re
from pathlib import Path

from search.sweep.data_identity import DataIdentity
from search.sweep.spec import SweepSpec
from search.tracking.mlflow_names import storable
from trainables.manifest import FORMAT

DATA_TAG = "steadytune.data"
"""Tag of an experiment, a model and a model version: the fingerprint of the data."""
DIGITS, LONGEST = 8, 200


def experiment_names(spec: SweepSpec, identity: DataIdentity | None) -> tuple[str, ...]:
    """The names that the sweep's experiment may have: the first, or if that is of other data, the second."""
    if identity is None or not identity.name:  # version 0.1.0 named it after the folder above
        return (f"{spec.recipe} on {spec.subject}",)
    return names_on(spec.recipe, identity.name, identity.first_fingerprint)


def names_on(recipe: str, data: str, fingerprint: str) -> tuple[str, ...]:
    """The names that the experiment of a recipe on the data set `data` may have; see `experiment_names`."""
    plain = storable(f"{recipe} on {data}", LONGEST)
    return plain, f"{plain} ({_digits(fingerprint)})"


def model_names(recipe: str, data: str, name: str, fingerprint: str) -> tuple[str, ...]:
    """The names that a registered model may have: the first, or if that is of other data, the second.

    Args:
        recipe: its name.
        data: where the data set is.
        name: what people call it; "" in a sweep of version 0.1.0, whose model is named after the folder above.
        fingerprint: of the data that the model was trained on.
    """
    if not name:
        return (model_name(recipe, Path(data).parent.name),)
    plain = model_name(recipe, name)
    return plain, f"{plain}-{_digits(fingerprint)}"


def model_name(recipe: str, data: str) -> str:
    """A model's name, of letters of any script, digits, '_', '.' and '-', so that it can go into a URI."""
    return re.sub(r"[^\w.-]+", "_", f"{recipe}-{data}").strip("_")[:LONGEST]


def _digits(fingerprint: str) -> str:
    return fingerprint.removeprefix(FORMAT)[:DIGITS]
