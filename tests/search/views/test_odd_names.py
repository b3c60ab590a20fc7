"""Pages, pictures and Markdown show names as they are: no name becomes a tag, a formula, a cell or a link."""

from __future__ import annotations

import html as standard_html

import markdown_it
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search.views.charts.chart import Axis, Chart, Panel, Parallel, Series, Table
from search.views.charts.html import html
from search.views.charts.png import png
from search.views.html_text import escape
from search.views.markdown import escaped, markdown
from trainables.printable import printable

ODD = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '"><b>bold</b>',
    "R&amp;D",
    "$x_1$",
    "$\\frac$",
    "a|b",
    "*a* _b_ `c` [d](e) ![f](g) <http://h> ~~i~~ \\",
    "=cmd|' /C calc'!A0",
    "猫 \u202egpj",
    "\x1b[31m",
    "half \ud800",
    "two\nlines",
)


def chart_of(text: str) -> Chart:
    bars = Series(text, (text, "other"), (1.0, 2.0), "#1f77b4", "bars", hover=(text, text))
    return Chart("chart", text, text, (Panel(text, text, text, (bars,), marks=((0.0, text),)),))


@pytest.mark.parametrize("text", ODD)
def test_a_chart_in_a_page_has_no_tag_of_a_name(text: str) -> None:
    drawn = html(chart_of(text))
    for tag in ("<img", "<b>", "<script>alert", "alert(1)</script>"):
        assert tag not in drawn
    parallel = Chart("p", text, text, Parallel((Axis(text, (0.0, 1.0), choices=(text, "b")), Axis("y", (1.0, 2.0)))))
    assert "<img" not in html(parallel)
    (drawn + html(parallel)).encode()


def test_a_chart_in_a_page_shows_a_name_as_it_is() -> None:
    assert "\\u0026lt;b\\u0026gt;" in html(chart_of("<b>")) or "&lt;b&gt;" in html(chart_of("<b>"))
    assert "two\\u003cbr\\u003elines" in html(chart_of("two\nlines")) or "two<br>lines" in html(chart_of("two\nlines"))


@pytest.mark.parametrize("text", ODD)
def test_a_picture_can_be_drawn_of_every_name(text: str) -> None:
    """A name such as "$x$" would be a formula to matplotlib, and a broken one ends the drawing."""
    assert png(chart_of(text)).startswith(b"\x89PNG")


@given(st.text())
@example(ODD[1])
def test_text_in_a_page_is_read_back(text: str) -> None:
    assert not set(escape(text)) & set("<>\"'")
    assert standard_html.unescape(escape(text)) == printable(text)


def cells(text: str) -> list[str]:
    """The table as a Markdown reader sees it."""
    table = Table("title", ("a", "b"), ((text, "end"),), "note")
    tokens = markdown_it.MarkdownIt("commonmark").enable("table").parse(markdown(table))
    inline = [token for token in tokens if token.type == "inline"]
    assert {child.type for token in inline for child in token.children or ()} <= {"text", "text_special"}
    return ["".join(child.content for child in token.children or ()) for token in inline]


@pytest.mark.parametrize("text", ODD)
def test_a_cell_shows_a_name_as_it_is(text: str) -> None:
    shown = printable(text).replace("\n", " ").strip()
    assert cells(text) == ["title", "a", "b", shown, "end", "note"]


@given(st.text(st.characters(exclude_characters="\t\n", exclude_categories=("Zs", "Zl", "Zp", "Cc", "Cs")), min_size=1))
def test_every_name_is_one_cell_of_plain_text(text: str) -> None:
    assert cells(text)[3] == printable(text)


def test_an_ordinary_metric_is_written_as_it_is() -> None:
    assert escaped("map50_95 0.5 ± 0.1") == "map50_95 0.5 ± 0.1"
