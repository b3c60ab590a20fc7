"""The figure of a replay: what each choice of scheduler settings costs, in epochs and in regret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from search.replay.scores import Score
from search.views.charts.chart import PALETTE, Chart, Panel, Series


def chart(scored: Sequence[Score]) -> Chart:
    """One point per score, with the 95 % interval of its regret as a line; nearer to the lower left is better."""
    panel = Panel(
        title="",
        x="epochs trained, % of all recorded",
        y="regret, % of the best value",
        series=tuple(series for index, score in enumerate(scored) for series in _series(index, score)),
    )
    simulations = scored[0].simulations if scored else 0
    note = (
        f"{simulations} simulations per point; lines are 95 % intervals over recordings "
        "(over orders if there is only one)"
    )
    return Chart("replay", "Epochs and regret of each scheduler", note, (panel,))


def _series(index: int, score: Score) -> Iterator[Series]:
    colour, epochs = PALETTE[index % len(PALETTE)], 100 * score.epochs
    hover = f"{score.name}: {score.epochs:.1%} of the epochs, regret {score.regret:.2%}"
    low, high = score.regret_interval
    yield Series(score.name, (epochs,), (100 * score.regret,), colour, "points", (hover,), marker="o")
    yield Series("", (epochs, epochs), (100 * low, 100 * high), colour)
