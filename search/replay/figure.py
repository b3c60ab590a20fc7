"""What replays show, as a figure: what each policy costs in epochs and in regret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from search.replay.scores import Score
from search.views.charts.chart import Chart, Panel, Series

_COLOURS = (
    "#1f77b4",
    "#ff7f0e",
    "#2ca02c",
    "#d62728",
    "#9467bd",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
)


def chart(found: Sequence[Score]) -> Chart:
    """A point a policy, with the 95 % interval of its regret as a line; nearer to the lower left corner is better."""
    panel = Panel(
        title="",
        x="epochs trained, % of all that were recorded",
        y="regret, % of the best",
        series=tuple(series for place, score in enumerate(found) for series in _policy(place, score)),
    )
    races = found[0].races if found else 0
    note = f"{races} races a policy; lines are 95 % intervals over recordings (over orders, if there is one)"
    return Chart("replay", "What each policy costs", note, (panel,))


def _policy(place: int, score: Score) -> Iterator[Series]:
    colour, epochs = _COLOURS[place % len(_COLOURS)], 100 * score.epochs
    words = f"{score.policy}: {score.epochs:.1%} of the epochs, regret {score.regret:.2%}"
    low, high = score.regret_interval
    yield Series(score.policy, (epochs,), (100 * score.regret,), colour, "points", (words,), marker="o")
    yield Series("", (epochs, epochs), (100 * low, 100 * high), colour)
