"""A page as Chromium shows it, and what it complains of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.programs import CHROMIUM
from tests.support.waiting import DEADLINE_SECONDS


@contextmanager
def opened(file: Path, width: int, errors: list[str]) -> Iterator[Any]:
    """Playwright's page of `file` in a window `width` pixels wide; skips the test where there is no Chromium.

    `errors` gets what the page complains of, and what it asks of the network.
    """
    executable = str(CHROMIUM.require())
    from playwright import sync_api as driver

    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.set_default_timeout(1000 * DEADLINE_SECONDS)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: errors.append(request.url) if request.url.startswith("http") else None)
        page.goto(file.as_uri())
        yield page
        browser.close()


def pictures_drawn(page: Any) -> list[bool]:
    """Of each picture of a page, whether it is there."""
    drawn: list[bool] = page.eval_on_selector_all(
        "img", "all => all.map(picture => picture.complete && picture.naturalWidth > 0)"
    )
    return drawn


def is_wider_than_its_window(page: Any) -> bool:
    """Whether the page as a whole has to be moved sideways."""
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width > int(page.viewport_size["width"])
