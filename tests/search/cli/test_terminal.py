"""What the command line writes cannot control a terminal, is no markup, and is written in any encoding.

Names and messages that broke other people's output:

- "[/home/...]" in an exception: https://github.com/multiversx/mx-sdk-py-cli/pull/379
- "[/sys/devices/system/cpu/cpu0/...]": https://github.com/rehosting/penguin/pull/576
- "[/model/2013/V20...jpg]": https://github.com/docarray/docarray/issues/733
- "[/]": https://github.com/Textualize/rich/issues/1157
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from search.cli import terminal
from search.cli.interrupt import lasting_output
from tests.support.terminal import Steadytune
from trainables.printable import printable

MARKUP = (
    "[/home/me]",
    "[/sys/devices/system/cpu]",
    "[/model/2013/V20 2.jpg]",
    "[/]",
    "[bold]x",
    "[link=x]y",
    ":smile:",
)
CONTROL = ("\x1b[31mred", "\x1b]0;title\x07", "a\x08b", "a\rb", "a\x00b", "\x9b31m", "\u202egpj.exe", "\udcff.jpg")


def written(text: str, encoding: str = "utf-8") -> str:
    """What `print` and the console write of `text` to a stream of an encoding."""
    raw = io.BytesIO()
    before = sys.stdout
    sys.stdout = io.TextIOWrapper(raw, encoding=encoding, newline="")
    try:
        with terminal.shielded():
            print(text)
            table = Table(text, title=text)
            table.add_row(text)
            console = terminal.console()
            console.print(table)
            console.print(text)
        sys.stdout.flush()
    finally:
        sys.stdout = before
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("text", MARKUP)
def test_what_looks_like_markup_is_written_as_it_is(text: str) -> None:
    assert written(text).count(text) == 5


@pytest.mark.parametrize("text", CONTROL)
def test_what_would_control_a_terminal_is_escaped(text: str) -> None:
    output = written(text)
    assert printable(text) in output
    assert text not in output
    assert not {character for character in output if not character.isprintable()} - {"\n"}


@given(st.text())
def test_no_text_controls_a_terminal(text: str) -> None:
    assert not set(printable(text)) & {*map(chr, range(9)), "\x0b", "\r", "\x1b", "\x7f", "\x9b", "\u202e", "\ud800"}
    assert printable(printable(text)) == printable(text)
    printable(text).encode()


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs"))))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "koi8-r", "shift_jis"])
def test_every_encoding_can_write_everything(encoding: str) -> None:
    output = written("0.5 ± 0.1 … █ 猫 é \U0001f600 हिन्दी", encoding)
    assert "0.5" in output
    assert "\\u" in output


def test_an_ascii_terminal_has_our_own_signs_in_ascii() -> None:
    assert "0.6663 +- 0.0146 - *#" in written("0.6663 ± 0.0146 – ▇█", "ascii")


def test_a_progress_bar_may_return_to_the_beginning_of_its_line() -> None:
    raw = io.StringIO()
    stream = terminal.SafeStream(raw)
    print("\r 10%", end="", file=stream)
    print("\r 20%\r\n", end="", file=stream)
    assert raw.getvalue() == "\r 10%\r 20%\n"
    assert terminal.one_line_each("a\r\n 10%\r 20%\n") == "a\n 10%\n 20%\n"


def test_colours_are_our_own_and_not_those_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.text import Text

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    with terminal.shielded(), lasting_output():
        terminal.console().print(Text("\x1b[5mname", style="red"))
        print("\x1b[5m", end="")
    assert screen.getvalue() == "\x1b[31m\\x1b[5mname\x1b[0m\n\\x1b[5m"


@pytest.mark.parametrize("name", ["no\x1b[2Jsweep", "[/data/x]", "x\udcff"])
def test_a_name_in_an_error_is_one_plain_sentence(steadytune: Steadytune, sweeps: Path, name: str) -> None:
    code, _, error = steadytune("status", name, "--sweeps", sweeps)
    assert code == 2
    assert error.count("\n") == 1
    assert "\x1b" not in error
