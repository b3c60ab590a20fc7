"""A chart as a file of its own: a picture, or a page that needs nothing else."""

from __future__ import annotations

from html import escape
from pathlib import Path

from search.views.charts.chart import Chart
from trainables.errors import SettingsError


def check_figure_path(path: Path) -> None:
    """Whether a figure can be written to `path`, before the work for it is done.

    Raises:
        SettingsError: its ending is neither .png nor .html, or its folder is not there.
    """
    if path.suffix not in (".png", ".html"):
        raise SettingsError(f"--figure is {path}; it must end in .png or .html")
    if not path.parent.is_dir():
        raise SettingsError(f"--figure is {path}; {path.parent} is no folder; make it first")


def write_chart(chart: Chart, path: Path) -> None:
    """Draw `chart` into `path`, as its ending says.

    Raises:
        SettingsError: it cannot be written there.
    """
    try:
        path.write_bytes(_drawn(chart, path.suffix))
    except OSError as error:
        raise SettingsError(f"--figure is {path}; it cannot be written ({error.strerror}); give another file") from None


def _drawn(chart: Chart, suffix: str) -> bytes:
    if suffix == ".png":
        from search.views.charts.png import png

        return png(chart)
    from search.views.charts.html import html, script

    title, note = escape(chart.title), escape(chart.note)
    page = f'<!doctype html><meta charset="utf-8"><title>{title}</title>{script()}{html(chart)}<p>{note}</p>'
    return page.encode()
