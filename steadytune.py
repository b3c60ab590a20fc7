"""steadytune for Python: launch a sweep, look at it, give it more to do, take its winner home.

    import steadytune

    sweep = steadytune.launch(recipe="resnet_yolo", preset="tiny", data="digits/data.yaml", name="digits", trials=12)
    sweep.best.settings     # the winner's configuration; .value and .std are over fresh seeds
    sweep.trials()          # a DataFrame
    sweep.plot_curves()     # a figure of plotly
    sweep.resume(trials=24)
    sweep.export()

`docs/python.md` shows a whole session; `recipe` makes a recipe of a function.
"""

from __future__ import annotations

from search.python_api import Best, Sweep, launch, list_sweeps, load
from search.tune import TuneResult, tune
from trainables.errors import SteadytuneError
from trainables.function import recipe

__all__ = ["Best", "SteadytuneError", "Sweep", "TuneResult", "launch", "list_sweeps", "load", "recipe", "tune"]
