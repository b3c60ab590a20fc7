"""The thresholds of the stop rules, and where each comes from.

Those in the table come from 1,080 public YOLO trainings (918 of them evaluated each epoch). "harm" is the share of runs
that a rule would have stopped although they later improved their own best by more than 5 %.

    rule                                                    fires   harm
    any loss non-finite once                                   76    72 %   too early: most recover
    training loss non-finite twice in a row                     2     0 %   used
    training loss > 2 x its best, 3 epochs                      8     0 %   used
    held-out loss > 1.5 x its best, 5 epochs                   25    44 %   too early
    the same, and no new best metric in 10 epochs              20    25 %   used
    metric < 0.001 at 10 / 20 / 30 % of the budget     22/15/13  50/27/23 %   used at 30 %
    metric < 1/5 of the peers' median at 30 %                   7   100 %   used: none came above 37 % of the best
    detrended CV of the metric > 0.2 over 10 epochs,
        in a run below its peers' median                       55   84 %   off
    the same in any run                                                     17 points of regret: never
    no new best metric in 20 / 30 / 50 % of the epochs                      34 / 12 / .15 points: off

Not in the table are `strict_cv`, which is document 001's own bound; `dead_loss`, which was not measured (the rule
`dead` in `metric_rules.py` says what it is for); and `oscillation_after`, which belongs to a rule that is off:
`tests/bench/public/harm.py` measures it at its default and at one half.

A non-finite held-out loss is never a reason: half-precision validation overflows early in healthy runs.

Oscillation is reported for every run (`curve_statistics.py`), and stops one only if asked to (`oscillation_cv`). How
much a loss oscillates says nothing about a run's final rank (rank correlation -.01 for training, +.05 for held-out
losses). How much the metric oscillates says a little (-.20), but nothing that its value does not say too: a run that
oscillates below its peers is paused at a rung anyway. Together the rules in use stopped 24 of 616 runs and harmed 10
(1.6 %), at no regret (`tests/bench/public/harm.py`). Seven of the ten were far below their peers, where they went on
improving without effect.
"""

from __future__ import annotations

from pydantic import Field

from trainables.settings import Settings


class StabilitySettings(Settings):
    """When a training is stopped. The module's docstring gives the reason for each default."""

    nonfinite_epochs: int = Field(2, ge=1, description="epochs in a row with a training loss that is not finite")
    train_factor: float = Field(
        2.0, gt=1, description="a training loss above that many times its best before is too high"
    )
    train_epochs: int = Field(3, ge=1, description="epochs in a row with a training loss that is too high")
    held_out_factor: float = Field(
        1.5, gt=1, description="a held-out loss above that many times its best before is too high"
    )
    held_out_epochs: int = Field(
        5, ge=1, description="epochs in a row with a held-out loss that is too high; no_best_epochs must hold too"
    )
    no_best_epochs: int = Field(
        10, ge=1, description="epochs without a new best metric before a held-out loss that is too high stops a run"
    )
    collapse_value: float = Field(
        0.001, ge=0, description="a metric that never reached this has collapsed (metrics to maximise only)"
    )
    collapse_share: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="a best metric below this share of the median of at least three peers has collapsed; 0: never",
    )
    collapse_after: float = Field(
        0.3, gt=0, le=1, description="share of the epochs that a run is given before it can have collapsed"
    )
    oscillation_cv: float | None = Field(
        None,
        gt=0,
        description="detrended CV of the metric, such as 0.2, above which a run below its peers stops; null: never",
    )
    oscillation_window: int = Field(10, ge=5, description="evaluated epochs after warm-up that a CV is taken over")
    oscillation_after: float = Field(
        0.2, ge=0, le=1, description="share of the epochs before which oscillation_cv stops no run"
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
        1e-3, ge=0, description="a training loss below this with a metric below collapse_value means a dead model"
    )
