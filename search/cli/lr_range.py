"""The verb `lr-range`."""

# Imports inside functions: the range test's table and figure need Rich and matplotlib, which `--help` does not load.

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from search.cli import options, terminal
from search.cli.options import RecipeName, Sets


def lr_range(
    recipe: RecipeName,
    data: Annotated[Path, typer.Option(help="data set")],
    preset: Annotated[str, typer.Option(help="recipe's preset")] = "paper",
    set_: Sets = None,
    field: Annotated[str, typer.Option(help="setting that is the learning rate")] = "lr",
    low: Annotated[
        float | None, typer.Option(help="lowest rate; a tenth of the lowest that a sweep searches if not given")
    ] = None,
    high: Annotated[
        float | None, typer.Option(help="highest rate; ten times the highest that a sweep searches if not given")
    ] = None,
    rates: Annotated[int, typer.Option(help="number of rates, evenly spaced on a logarithmic scale")] = 9,
    epochs: Annotated[int, typer.Option(help="epochs at each rate")] = 5,
    out: Annotated[Path, typer.Option(help="folder for the figure and the sweep file")] = Path("lr-range"),
) -> None:
    """Train briefly at rising learning rates, and write a sweep file with the range that is worth searching."""
    from search.lr_range import figure, finding, runner

    test = runner.RangeTest(recipe, data, preset, options.pairs(set_, "--set"), field, epochs)
    metric = test.checked_recipe().metric
    lowest, highest = test.bounds()
    tried = finding.rates(lowest if low is None else low, highest if high is None else high, rates)
    results = []
    for result in runner.run(test, tried, out):
        print(runner.result_line(result, metric), flush=True)
        results.append(result)
    rate_range = finding.find_range(results)
    figure.write(results, rate_range, out / "lr-range.png")
    runner.write_sweep_file(test, rate_range, out / "lr-range.yaml")
    console = terminal.console()
    console.print()
    console.print(runner.result_table(results, rate_range, metric))
    console.print(
        f"\n{field}: {rate_range.low:.2g} … {rate_range.high:.2g} (steepest descent at {rate_range.steepest:.2g})"
    )
    if rate_range.blow_up is None:
        console.print(f"No rate up to {results[-1].rate:.3g} blew up: a higher --high may extend the range.")
    launch = shlex.join(["steadytune", "launch", str(out / "lr-range.yaml")])
    console.print(f"Figure: {out / 'lr-range.png'}\nSearch it: {launch}")
