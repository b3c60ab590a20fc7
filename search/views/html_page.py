"""The frame of an HTML page that needs nothing else: its style, tables and paragraphs."""

from __future__ import annotations

from collections.abc import Iterable

from search.views.charts.chart import Table
from search.views.html_text import escape

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #222; }
h1, h2 { font-weight: 600; } h2 { margin-top: 2.2rem; }
.note { color: #666; font-size: .9em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88em; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #e4e4e4; vertical-align: top; }
"""


def page(title: str, parts: Iterable[str], script: str = "") -> str:
    """A whole page; `script` goes into its head."""
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>{script}'
    body = f"<h1>{escape(title)}</h1>\n" + "\n".join(parts)
    return f"<!doctype html>\n<html lang='en'><head>{head}</head>\n<body>{body}</body></html>\n"


def sentences(texts: Iterable[str]) -> str:
    """A paragraph for each text."""
    return "\n".join(f"<p>{escape(text)}</p>" for text in texts)


def html_table(table: Table) -> str:
    """A table under its heading."""
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    grid = f"<div class='wide'><table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>"
    return f"<h2>{escape(table.title)}</h2>\n{grid}\n<p class='note'>{escape(table.note)}</p>"
