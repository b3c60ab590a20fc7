"""The frame of an HTML page that needs nothing else: its style, tables and paragraphs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from search.views.charts.chart import Table
from search.views.html_text import escape

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto 4rem; max-width: 76rem; padding: 0 1rem; color: #222; }
h1, h2, h3 { font-weight: 600; line-height: 1.25; } h1 { margin: 3.5rem 0 .5rem; }
body > h1:first-child { margin-top: .5rem; } h2 { margin-top: 2.4rem; }
.note { color: #666; font-size: .88em; }
.wide { overflow-x: auto; }
.result { border-left: 4px solid #2ca02c; padding: .1rem 1rem; background: #f6faf6; }
.result.unsure { border-color: #ff7f0e; background: #fff9f2; }
.result .lead { font-size: 1.35em; font-weight: 600; margin: .5rem 0; } .result p { margin: .4rem 0; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 2rem; }
.beside > div { min-width: 0; } .beside h2 { margin-top: 1.2rem; }
nav a { margin-right: 1rem; }
table { border-collapse: collapse; font-size: .88em; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #e4e4e4; vertical-align: top; }
.sortable th { cursor: pointer; white-space: nowrap; } .sortable th::after { content: " ↕"; color: #aaa; }
.sortable th[aria-sort=ascending]::after { content: " ↑"; } .sortable th[aria-sort=descending]::after { content: " ↓"; }
tr[data-trial] { cursor: pointer; } tr[data-trial]:hover { background: #f3f3f3; } tr.selected { background: #fde3f1; }
tr.best td:first-child { font-weight: 600; } .tall { max-height: 34rem; overflow-y: auto; }
.tall th { position: sticky; top: 0; background: #fff; }
details summary { cursor: pointer; margin: 1rem 0; }
"""


def page(title: str, parts: Iterable[str], script: str = "") -> str:
    """A whole page; `script` goes into its head."""
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{view}<title>{escape(title)}</title><style>{STYLE}</style>{script}'
    body = f"<h1>{escape(title)}</h1>\n" + "\n".join(parts)
    return f"<!doctype html>\n<html lang='en'><head>{head}</head>\n<body>{body}</body></html>\n"


def sentences(texts: Iterable[str]) -> str:
    """A paragraph for each text."""
    return "\n".join(f"<p>{escape(text)}</p>" for text in texts)


def html_table(table: Table) -> str:
    """A table under its heading."""
    return f"<h2>{escape(table.title)}</h2>\n{html_grid(table)}\n<p class='note'>{escape(table.note)}</p>"


def html_grid(table: Table, trials: Sequence[int] = (), best: int | None = None) -> str:
    """A table without a heading.

    Args:
        table: its columns and rows.
        trials: the trial of each row: then the table can be sorted, and a click on a row shows its trial in the
            figures; or empty.
        best: the trial whose row stands out.
    """
    sortable = " class='sortable'" if trials else ""
    head = "".join(f"<th tabindex='0'>{escape(column)}</th>" for column in table.columns)
    head = head if trials else head.replace(" tabindex='0'", "")
    rows = "\n".join(
        f"<tr{_of_trial(trials[index], best) if trials else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row)
        + "</tr>"
        for index, row in enumerate(table.rows)
    )
    tall = " tall" if trials else ""
    grid = f"<table{sortable}><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table>"
    return f"<div class='wide{tall}'>{grid}</div>"


def _of_trial(trial: int, best: int | None) -> str:
    return f" data-trial='{trial}' tabindex='0'" + (" class='best'" if trial == best else "")
