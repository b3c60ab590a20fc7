"""Broken files that hypothesis draws: a good one with bytes, lines or values of it changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

PIECES = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\r",
    b" ",
    b"\t",
    b",",
    b":",
    b"'",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b"-",
    b".",
    b"#",
    b"&a",
]
PIECES += [
    b"*a",
    b"!!x",
    b"nan",
    b"-inf",
    b"1e999",
    b"1_0",
    b"9" * 5000,
    b"[" * 3000,
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xe9",
]
PIECES += ["\u0663".encode(), "\x85".encode(), "\u2028".encode(), b"\\ud800", b"../", b"/dev/zero", b"a" * 300, b"**"]
"""What breaks readers: signs of the formats, numbers that are none, encodings, depth, names that no file has."""

ODD: list[Any] = [None, True, False, 0, -1, 1, 7, 0.5, -0.5, 1e308, float("inf"), float("nan"), 10**30, 10**400, 2**63]
ODD += ["", "a", "1", "0", ".", "..", "../a", "/dev/zero", "a" * 300, "a/" * 3000, "\0", "\ud800", "\u2028", "caf\xe9"]
ODD += [[], {}, [[]], [None], [1, 2, 3, 4], {"a": 1}, "a\nb", [[0, 0, 1, 1]], "*", "["]
"""Values of JSON where others are expected."""


@st.composite
def broken_bytes(draw: st.DrawFn, whole: bytes) -> bytes:
    """`whole` with one to four places replaced, put in, doubled or cut off."""
    content = whole
    for _ in range(draw(st.integers(1, 4))):
        first, last = sorted(draw(st.tuples(st.integers(0, len(content)), st.integers(0, len(content)))))
        last = draw(st.sampled_from([first, min(first + 1, last), last]))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=16) | st.just(content[first:last] * 2))
        content = content[:first] + piece + content[last:]
    return content


@st.composite
def broken_values(draw: st.DrawFn, whole: Any) -> Any:
    """The JSON-like `whole` with one to three of its values replaced, taken out or given twice."""
    content = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        places = [*_places(content)]
        if not places:
            break
        parent, key = draw(st.sampled_from(places))
        action = draw(st.sampled_from(["replace", "replace", "replace", "remove", "double"]))
        if action == "replace":
            parent[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
        elif action == "remove":
            del parent[key]
        elif isinstance(parent, list):
            parent.insert(key, copy.deepcopy(parent[key]))
    return content


def single_changes(whole: Any) -> Iterator[Any]:
    """`whole` with one of its values taken out or replaced by one of `ODD`: all of these."""
    for index in range(len([*_places(whole)])):
        for odd in ODD:
            content = copy.deepcopy(whole)
            parent, key = _places(content)[index]
            parent[key] = copy.deepcopy(odd)
            yield content
        content = copy.deepcopy(whole)
        parent, key = _places(content)[index]
        del parent[key]
        yield content


def _places(content: Any) -> list[tuple[Any, Any]]:
    """Each container within `content` with each of its keys."""
    if not isinstance(content, (dict, list)):
        return []
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    return [(content, key) for key in keys] + [inner for key in keys for inner in _places(content[key])]


def as_json(content: Any) -> bytes:
    """`content` as JSON, with whole numbers of any length."""
    return json.dumps(content).encode()
