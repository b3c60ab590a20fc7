"""Makes text from elsewhere (names, paths, other programs' messages) safe to show: terminals obey nothing in it.

Every sink (terminal, HTML page, Markdown, picture) passes its text through `printable` before it writes its own codes.
"""

from __future__ import annotations

import re

_ESCAPED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed: terminals obey them
    "\u2028\u2029"  # line ends to some readers and none to others
    "\u202a-\u202e\u2066-\u2069"  # turn the order of what follows, https://trojansource.codes
    "\ud800-\udfff]"  # half characters, as of file names that are no UTF-8: they cannot be written
)


def printable(text: str) -> str:
    r"""`text` with Python's escapes for control characters, half characters and marks that change the writing order.

    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return _ESCAPED.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("ascii", "backslashreplace").decode() if ord(match[0]) > 0x7F else f"\\x{ord(match[0]):02x}"
