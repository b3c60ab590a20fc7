"""Text in HTML pages."""

from __future__ import annotations

import html

from trainables.printable import printable


def escape(text: str) -> str:
    """`text` as HTML shows it, also between quotes: no tag, no entity and no control character in it is obeyed."""
    return html.escape(printable(text))
