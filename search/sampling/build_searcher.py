"""The searcher that a plan asks for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from search.sampling.searcher import Searcher
from search.sweep.candidates import configurations
from search.sweep.plan import Plan, draw
from spaces.space import drawable


def build_searcher(plan: Plan, rungs: Sequence[int], restart: int) -> Searcher:
    """The searcher of `plan`, whose trials are compared at `rungs`; see `Searcher` for `restart`."""
    spec, model = plan.spec, None
    if spec.sampler == "rank_gp" and spec.scheduler != "freeze_thaw" and plan.ranges:
        from search.sampling.rank_model import RankModel  # imports SciPy, which takes a second

        named = (drawable(plan.space, settings, spec.set) for _, settings in plan.named)
        named_values = [values for values in named if values is not None]
        model = RankModel(configurations(plan), named_values, per_second=spec.hours is not None)
    return Searcher(partial(draw, plan), plan.recipe.mode, spec.sampler, spec.seed, rungs, plan.varying, restart, model)
