"""The verb `lr-range`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.cli import options
from search.cli.options import Sets


def lr_range(
    recipe: str,
    data: Annotated[Path, typer.Option(help="data set")],
    preset: Annotated[str, typer.Option(help="recipe's preset")] = "paper",
    set_: Sets = None,
    field: Annotated[str, typer.Option(help="setting that is the learning rate")] = "lr",
    low: Annotated[float | None, typer.Option(help="lowest rate; a tenth of the lowest searched if not given")] = None,
    high: Annotated[float | None, typer.Option(help="highest; ten times the highest searched if not given")] = None,
    rates: Annotated[int, typer.Option(help="how many, evenly on a logarithmic scale")] = 9,
    epochs: Annotated[int, typer.Option(help="epochs at each rate")] = 5,
    out: Annotated[Path, typer.Option(help="folder for the figure and the sweep's beginning")] = Path("lr-range"),
) -> None:
    """Train briefly at rising learning rates, and write the range that is worth searching."""
    from search.lr_range import figure as range_figure
    from search.lr_range import finding as range_test
    from search.lr_range import runner as test

    asked = test.RangeTest(recipe, data, preset, options.pairs(set_, "--set"), field, epochs)
    metric = asked.found().metric
    lowest, highest = asked.bounds()
    rising = range_test.rates(low or lowest, high or highest, rates)
    tried = []
    for one in test.run(asked, rising, out):
        print(test.line(one, metric), flush=True)
        tried.append(one)
    found = range_test.find(tried)
    range_figure.write(tried, found, out / "lr-range.png")
    test.write_fragment(asked, found, out / "lr-range.yaml")
    console = options.console()
    console.print()
    console.print(test.table(tried, found, metric))
    console.print(f"\n{field}: {found.low:.2g} … {found.high:.2g} (steepest descent at {found.steepest:.2g})")
    if found.blow_up is None:
        console.print(f"No rate up to {tried[-1].rate:.3g} blew up: a higher --high may raise the range's end.")
    console.print(f"Figure: {out / 'lr-range.png'}\nSearch it: steadytune launch {out / 'lr-range.yaml'}")
