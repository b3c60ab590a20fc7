"""The stop rules in their order: from a learning curve so far to a reason to stop the training, or none.

The rules are in `loss_rules.py` and `metric_rules.py`; their thresholds, and where those come from, in `stability.py`.
"""

from __future__ import annotations

from dataclasses import replace

from search.pruning.curve import Curve
from search.pruning.decision import Decision, stop
from search.pruning.loss_rules import held_out_diverging, nonfinite, oscillating_loss, train_diverging
from search.pruning.metric_rules import collapsed, dead, oscillating_metric, stale
from search.pruning.peers import Peers, no_peers
from search.pruning.stability import StabilitySettings
from trainables.recipe import Alarm


def verdict(
    curve: Curve,
    max_epochs: int,
    settings: StabilitySettings,
    alarm: Alarm | None = None,
    peers: Peers = no_peers,
) -> Decision | None:
    """The reason to stop this training now, or None.

    Args:
        curve: the epochs so far, at least one.
        max_epochs: epochs of a whole training.
        settings: the thresholds.
        alarm: raised by the recipe in the last epoch.
        peers: how good the other trials of the sweep were by an epoch.
    """
    if alarm is not None:
        return stop(alarm.reason, alarm.detail)
    return (
        nonfinite(curve, settings)
        or dead(curve, settings)
        or train_diverging(curve, max_epochs, settings)
        or held_out_diverging(curve, settings)
        or collapsed(curve, max_epochs, settings, peers)
        or oscillating_metric(curve, max_epochs, settings, peers)
        or oscillating_loss(curve, settings)
        or stale(curve, settings)
    )


def doubtful(curve: Curve, max_epochs: int, settings: StabilitySettings, peers: Peers = no_peers) -> Decision | None:
    """The reason to demote this trial now, or None: its training may have failed, or it oscillates below its peers.

    A demoted trial is paused at once and stands behind all others at its rung. It is not ended, since runs of which a
    rule is less sure often recover. The arguments are those of `verdict`.
    """
    if not settings.demote:
        return None
    thresholds = settings.doubts
    doubt = (
        train_diverging(curve, max_epochs, thresholds)
        or held_out_diverging(curve, thresholds)
        or collapsed(curve, max_epochs, thresholds, peers)
        or oscillating_metric(curve, max_epochs, thresholds, peers)
    )
    return None if doubt is None else replace(doubt, action="pause")


def broken(curve: Curve, settings: StabilitySettings, alarm: Alarm | None = None) -> Decision | None:
    """The verdict on a training that is to reach its last epoch if it can: only `nonfinite` stops it.

    After that reason there is nothing left to train. The arguments are those of `verdict`.
    """
    if alarm is not None and alarm.reason == "nonfinite":
        return stop(alarm.reason, alarm.detail)
    return nonfinite(curve, settings)
