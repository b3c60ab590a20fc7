"""The table view of MLflow's pages for a sweep: its runs alone, which columns they show first, and in which order.

Sweeps of one data set share an experiment. MLflow keeps a view in a tag of the experiment,
`mlflow.sharedViewState.KEY`, and opens it for an address with `viewStateShareKey=KEY`, as its "Share" button does. Each
sweep has a key of its own. A filter in the address would not do: MLflow then leaves out the view, and so the columns.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing

from search.sweep.plan import Plan
from search.sweep.uri import sqlite_file
from search.tracking.store_check import experiment_on_server
from search.tracking.trial_record import OBJECTIVE

SHARED_VIEW = "mlflow.sharedViewState."
COMMON_KEY = "steadytune"
"""Key of the one view that experiments had for all of their sweeps before each sweep had its own."""
KIND_TAG = ("mlflow.experimentKind", "custom_model_development")
"""Makes MLflow 3 show its pages about trainings; otherwise it shows those about language models."""
WORKFLOW = "workflowType=machine_learning"
"""The same for the menu at the side: MLflow 3 would show the one that the browser had last."""
MAX_PARAMETERS = 4
_KEY_DIGITS = 12


def view_key(sweep: str) -> str:
    """The key of a sweep's view, which MLflow takes as part of a tag's name and of an address.

    Args:
        sweep: the sweep's permanent id (`search.tracking.sweep_id`).
    """
    return f"steadytune-{hashlib.sha256(sweep.encode()).hexdigest()[:_KEY_DIGITS]}"


def view_tag(sweep: str) -> str:
    """The experiment's tag that holds the view of a sweep, by the sweep's permanent id."""
    return SHARED_VIEW + view_key(sweep)


def view(plan: Plan, sweep_tag: str) -> str:
    """The view in MLflow's JSON: the objective, why each trial ended, and the first parameters of the search space.

    Args:
        plan: the sweep's.
        sweep_tag: value of the tag `steadytune.sweep` of the runs that it lists.
    """
    metrics = [OBJECTIVE, "objective/best", "objective/last", "epochs"]
    tags = ["status", "reason", "recipe", "preset", "seed"]
    columns = [f"metrics.`{name}`" for name in metrics]
    columns += [f"tags.`steadytune.{name}`" for name in tags]
    columns += [f"params.`{name}`" for name in list(plan.ranges)[:MAX_PARAMETERS]]
    rows = {
        "searchFilter": f"tags.`steadytune.sweep` = '{sweep_tag}'",
        "orderByKey": f"metrics.`{OBJECTIVE}`",
        "orderByAsc": plan.recipe.mode == "min",
    }
    return json.dumps(rows | {"selectedColumns": ["attributes.`Duration`", *columns], "runListHidden": False})


def address(base: str, store: str, names: Sequence[str], sweep: str) -> str:
    """The address of the sweep's experiment in the sweep's view.

    An experiment in which the sweep has no view opens in the common one, or else as MLflow shows any.

    Args:
        base: address of MLflow's pages.
        store: MLflow tracking URI, which is asked for the experiment; without an answer, `base` is returned.
        names: the names that the experiment may have, the plain one first. If the longer one exists, it is the sweep's.
        sweep: the sweep's permanent id.
    """
    experiments = (_experiment(store, name) for name in reversed(names))
    number, tags = next((experiment for experiment in experiments if experiment[0]), ("", frozenset()))
    if not number:
        return base
    key = next((key for key in (view_key(sweep), COMMON_KEY) if SHARED_VIEW + key in tags), "")
    in_view = f"viewStateShareKey={key}&" if key else ""
    return f"{base.rstrip('/')}/#/experiments/{number}/runs?{in_view}{WORKFLOW}"


def _experiment(store: str, name: str) -> tuple[str, frozenset[str]]:
    """The id and the tags' names of the experiment of that name; ("", none) if there is none, or no answer."""
    file = sqlite_file(store)
    if store.startswith(("http://", "https://")):
        return experiment_on_server(store, name)
    if file is None or not file.is_file():
        return "", frozenset()
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
        query = "select experiment_id from experiments where name = ?"
        number, *_ = database.execute(query, (name,)).fetchone() or ("",)
        tags = database.execute("select key from experiment_tags where experiment_id = ?", (number,))
        return str(number), frozenset(key for (key,) in tags)
