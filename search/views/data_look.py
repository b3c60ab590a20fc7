"""What a data set holds, as users see it before the sweep: collected once, shown as text, HTML and markdown."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PIL import Image
from rich.console import RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from search.sweep.augmentation import baseline, strongest, strongest_values
from search.sweep.data_look import DataLook
from search.sweep.plan import Plan
from search.views.batch_picture import batch_picture
from search.views.charts.chart import Table
from search.views.embedded_image import photo
from search.views.html_text import escape
from search.views.markdown import escaped, markdown
from trainables.look import Example, LookTable

MOST_ROWS = 30
"""Rows of a table on the terminal, unless all are asked for. The report has all."""
PICTURE_NOTE = (
    "Each example as the model sees it, from the training's own loader: on the left with the baseline's augmentation, "
    "on the right with every augmentation that the sweep searches at its strongest."
)


def look_at(plan: Plan, data: Any) -> DataLook:
    """What `data`, opened by the plan's recipe, hold, and a picture of a training batch.

    The batch is augmented with the baseline's settings, and with the strongest that the sweep may draw.
    """
    recipe = plan.recipe
    usual = baseline(plan)
    batches: dict[str, Sequence[Example]] = {}
    if examples := recipe.training_batch(usual, data):
        batches[_title(f"Baseline {recipe.baseline!r}", usual.model_dump(), recipe.augmentation)] = examples
        if strongest_values(plan):
            strong = strongest(plan)
            title = _title("Strongest augmentation of the sweep", strong.model_dump(), recipe.augmentation)
            batches[title] = recipe.training_batch(strong, data)
    return DataLook(recipe.look(usual, data), batch_picture(batches))


def _title(head: str, settings: Mapping[str, Any], names: Mapping[str, str]) -> str:
    return head + "\n" + ", ".join(f"{name} {_short(settings[name])}" for name in names)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def terminal(data_look: DataLook, verbose: bool) -> Iterator[RenderableType]:
    """Tables and sentences; `verbose` shows all rows and each detail."""
    look = data_look.look
    for sentence in look.warnings:
        yield Text(f"  note: {sentence}")
    for table in look.all_tables:
        yield Text()
        yield Text(table.title, style="bold")
        yield _rich(table, len(table.rows) if verbose else MOST_ROWS)
        if table.note:
            yield Text(f"  {table.note}", style="dim")
    if look.details and verbose:
        yield from (Text(f"  {line}") for line in look.details)
    elif look.details:
        yield Text("  (each of them: steadytune check SWEEP.yaml --verbose)", style="dim")


def _rich(table: LookTable, most: int) -> RichTable:
    grid = RichTable(box=None, padding=(0, 1), pad_edge=True, header_style="none")
    for index, column in enumerate(table.columns):
        grid.add_column(Text(column), justify="left" if index in (0, len(table.columns) - 1) else "right")
    for row in table.rows[:most]:
        grid.add_row(*map(Text, row))
    if len(table.rows) > most:
        grid.add_row(Text(f"and {len(table.rows) - most} more: --verbose"))
    return grid


def tables(data_look: DataLook) -> Iterator[Table]:
    """The tables, as those of a report."""
    for table in data_look.look.all_tables:
        yield Table(table.title, table.columns, table.rows, table.note)


def html_picture(data_look: DataLook) -> str:
    """The picture as an HTML element that needs no other file; "" if there is none."""
    if not data_look.picture:
        return ""
    with Image.open(io.BytesIO(data_look.picture)) as picture:
        image = f'<img alt="A training batch" style="max-width: 100%" src="{photo(picture)}">'
    return f"<h2>A training batch</h2>\n{image}\n<p class='note'>{escape(PICTURE_NOTE)}</p>"


def as_markdown(data_look: DataLook) -> str:
    """The sentences, the tables and the details."""
    look = data_look.look
    parts = ["\n".join(f"- {escaped(sentence)}" for sentence in look.warnings), *map(markdown, tables(data_look))]
    parts += ["\n".join(f"- {escaped(line)}" for line in look.details)]
    return "\n\n".join(part for part in parts if part) + "\n"
