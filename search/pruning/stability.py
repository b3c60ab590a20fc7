"""The thresholds of the stop rules, and where each comes from.

A rule harms a run that it stops although the run later improves its own best by more than 5 %. A rule that ends a
training for good may harm at most 2 % of all runs in each collection of public YOLO trainings. Where a rule is less
sure, the trial is demoted instead: it is paused at once and stands behind all others at its rung (`doubts`). The table
gives two counts each: first of the 616 runs of 38 repositories on which the rules were chosen, then of 464 runs of 30
other repositories (`tests/bench/public/harm.py`):

    rule                                                 fires      harm in each collection
    training loss non-finite twice in a row              1   1      0          0      ends
    training loss > 2 x its best, 3 epochs, from
        epoch 10 on                                      5   3      0          0      ends; earlier: demotes
    held-out loss > 1.5 x its best, 5 epochs, and
        no new best metric in 20                         7   6      0          0      ends
    the same, no new best metric in 10                   9  14      1          6      demotes
    metric < 0.001, or < 1/4 of the peers' median,
        at half of the epochs, from epoch 10 on          7  16      7          5      ends
    metric < 0.001, or < 1/5 of the median, at 30 %      9  17      9          9      was the rule; demotes
    detrended CV of the metric > 0.2 over 10 epochs,
        in a run below its peers' median                                              demotes

Together the rules that end trainings stop 20 and 25 runs and harm 7 and 5 (1.1 % and 1.1 %). Most of the harmed runs
are far below their peers and stay there. Earlier versions of the rules fired sooner (at 30 % of the epochs, after 10
epochs without a best) and harmed 1.6 % and 3.2 %: slow starts, short trainings and classification.

Not in the table are `strict_cv`, which is document 001's own bound; `dead_loss`, which was not measured (the rule
`dead` in `metric_rules.py` says what it is for); and `stale_epochs`, which costs 34, 12 and .15 points of regret at
20, 30 and 50 % of the epochs: off.

A non-finite held-out loss is never a reason: half-precision validation overflows early in healthy runs.

How much a loss oscillates says nothing about a run's final rank (rank correlation -.01 for training, +.05 for held-out
losses). How much the metric oscillates says a little (-.20), but nothing that its value does not say too. The rule that
ends such runs (`oscillation_cv`) was wrong about 37 of 43, so it is off; they are demoted instead (`demote_cv`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from trainables.settings import Settings

EARLIER: Mapping[str, Any] = {"demote": False, "min_epochs": 1}
"""The values for a stored sweep that lacks these fields: its version did not have them, and acted as if they had these
values. A stored sweep names all fields of its version."""


class StabilitySettings(Settings):
    """When a training is stopped. The module's docstring gives the reason for each default."""

    nonfinite_epochs: int = Field(2, ge=1, description="epochs in a row with a training loss that is not finite")
    train_factor: float = Field(
        2.0, gt=1, description="a training loss is too high if it is above its best so far times this factor"
    )
    train_epochs: int = Field(3, ge=1, description="epochs in a row with a training loss that is too high")
    held_out_factor: float = Field(
        1.5, gt=1, description="a held-out loss is too high if it is above its best so far times this factor"
    )
    held_out_epochs: int = Field(
        5, ge=1, description="epochs in a row with a held-out loss that is too high; no_best_epochs must hold too"
    )
    no_best_epochs: int = Field(
        20, ge=1, description="epochs without a new best metric before a held-out loss that is too high stops a run"
    )
    min_epochs: int = Field(
        10,
        ge=1,
        description="first epochs, in which no run is stopped for a collapse or, if it is long, for its training loss",
    )
    collapse_value: float = Field(
        0.001, ge=0, description="a metric that never reached this has collapsed (metrics to maximise only)"
    )
    collapse_share: float = Field(
        0.25,
        ge=0,
        lt=1,
        description="a best metric below this share of the median of at least three peers has collapsed; 0: never",
    )
    collapse_after: float = Field(
        0.5, gt=0, le=1, description="share of its epochs after which a run can count as collapsed"
    )
    demote: bool = Field(
        True,
        description="pause a run at once, behind all others at its rung, if it may have failed or oscillates",
    )
    demote_cv: float = Field(
        0.2, ge=0, description="detrended CV of the metric above which a run below its peers is demoted; 0: never"
    )
    demote_no_best_epochs: int = Field(10, ge=1, description="the value of no_best_epochs for a demotion")
    demote_after: float = Field(0.3, gt=0, le=1, description="the value of collapse_after for a demotion")
    oscillation_cv: float | None = Field(
        None,
        gt=0,
        description="detrended CV of the metric, such as 0.2, above which a run below its peers stops; null: never",
    )
    oscillation_window: int = Field(10, ge=5, description="evaluated epochs after warm-up that a CV is taken over")
    oscillation_after: float = Field(
        0.2, ge=0, le=1, description="no run is stopped or demoted for its oscillation before this share of its epochs"
    )
    strict: bool = Field(
        False,
        description="also stop a run whose training loss oscillates above strict_cv, however good its metric",
    )
    strict_cv: float = Field(
        0.05, gt=0, description="detrended CV of the training loss in a phase after warm-up (document 001: below 5 %)"
    )
    stale_epochs: int | None = Field(None, ge=1, description="epochs without a new best that stop a run; null: never")
    dead_loss: float = Field(
        1e-3, ge=0, description="a training loss from 0 to this with a metric below collapse_value means a dead model"
    )

    @property
    def doubts(self) -> StabilitySettings:
        """The thresholds of the same rules where they demote a run: they come sooner, and oscillation counts."""
        return self.model_copy(
            update={
                "min_epochs": 1,
                "no_best_epochs": self.demote_no_best_epochs,
                "collapse_after": self.demote_after,
                "oscillation_cv": self.demote_cv or None,
            }
        )
