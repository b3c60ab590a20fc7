"""The table view of MLflow's pages: which columns of runs they show first, and in which order.

MLflow keeps such a view in a tag of the experiment, `mlflow.sharedViewState.KEY`, and opens it for an address that ends
in `viewStateShareKey=KEY`, as its "Share" button does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing

from search.sweep.plan import Plan
from search.sweep.uri import sqlite_file
from search.tracking.store_check import experiment_number
from search.tracking.trial_record import OBJECTIVE

KEY = "steadytune"
VIEW_TAG = f"mlflow.sharedViewState.{KEY}"
KIND_TAG = ("mlflow.experimentKind", "custom_model_development")
"""Makes MLflow 3 show its pages about trainings; otherwise it shows those about language models."""
WORKFLOW = "workflowType=machine_learning"
"""The same for the menu at the side: MLflow 3 would show the one that the browser had last."""
MAX_PARAMETERS = 4


def view(plan: Plan) -> str:
    """The view in MLflow's JSON: the objective, why each trial ended, and the first parameters of the search space."""
    metrics = [OBJECTIVE, "objective/best", "objective/last", "epochs"]
    tags = ["status", "reason", "recipe", "preset", "seed"]
    columns = [f"metrics.`{name}`" for name in metrics]
    columns += [f"tags.`steadytune.{name}`" for name in tags]
    columns += [f"params.`{name}`" for name in list(plan.ranges)[:MAX_PARAMETERS]]
    order = {"orderByKey": f"metrics.`{OBJECTIVE}`", "orderByAsc": plan.recipe.mode == "min"}
    return json.dumps(order | {"selectedColumns": ["attributes.`Duration`", *columns], "runListHidden": False})


def address(base: str, store: str, names: Sequence[str]) -> str:
    """The address of the sweep's experiment in that view.

    Args:
        base: address of MLflow's pages.
        store: MLflow tracking URI, which is asked for the experiment's number; without an answer, `base` is returned.
        names: the names that the experiment may have, the plain one first. If the longer one exists, it is the sweep's.
    """
    number = next((number for name in reversed(names) if (number := _number(store, name))), "")
    return f"{base.rstrip('/')}/#/experiments/{number}/runs?viewStateShareKey={KEY}&{WORKFLOW}" if number else base


def _number(store: str, name: str) -> str:
    """The id of the experiment of that name in the store; "" if there is none, or no answer."""
    file = sqlite_file(store)
    if store.startswith(("http://", "https://")):
        return experiment_number(store, name)
    if file is None or not file.is_file():
        return ""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
        query = "select experiment_id from experiments where name = ?"
        number, *_ = database.execute(query, (name,)).fetchone() or ("",)
        return str(number)
