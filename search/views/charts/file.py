"""Writes a chart as a file: a PNG picture or a self-contained HTML page."""

from __future__ import annotations

from pathlib import Path

from search.views.charts.chart import Chart
from search.views.html_text import escape
from trainables.errors import SettingsError


def check_figure_path(path: Path) -> None:
    """Check that a figure can be written to `path`, before the work for it is done.

    Raises:
        SettingsError: its suffix is neither .png nor .html, or its folder does not exist.
    """
    if path.suffix not in (".png", ".html"):
        raise SettingsError(f"--figure is {path}; it must end in .png or .html")
    if not path.parent.is_dir():
        raise SettingsError(f"--figure is {path}; {path.parent} is no folder; make it first")


def write_chart(chart: Chart, path: Path) -> None:
    """Draw `chart` into `path`; the suffix, .png or .html, decides how.

    Raises:
        SettingsError: it cannot be written there.
    """
    try:
        path.write_bytes(_contents(chart, path.suffix))
    except OSError as error:
        raise SettingsError(f"--figure is {path}; it cannot be written ({error.strerror}); give another file") from None


def _contents(chart: Chart, suffix: str) -> bytes:
    # Inside the function: each drawing library takes a second to import, and only one of them is needed.
    if suffix == ".png":
        from search.views.charts.png import png

        return png(chart)
    from search.views.charts.html import html
    from search.views.charts.script import script

    title, note = escape(chart.title), escape(chart.note)
    page = f'<!doctype html><meta charset="utf-8"><title>{title}</title>{script()}{html(chart)}<p>{note}</p>'
    return page.encode()
