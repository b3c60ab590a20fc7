from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from search.execution.ray_folder import session_folder
from tests.support import skipped

# Every run tries the same examples: a red build is red again, and nothing is written into the checkout.
settings.register_profile("steadytune", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("steadytune")

SLOW_SECONDS = 1800
"""A hang is told from a busy machine: what takes three minutes on an idle one took ten times as long on another."""


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is found out about files goes into a cache of this run, not into the user's."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("STEADYTUNE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def ray_folder() -> Iterator[None]:
    """Every Ray that a test starts lies in the private folder of sweeps: the next one deletes what was killed there."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_TMPDIR", str(session_folder().parent))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that train for real have longer than the fast ones before they count as hanging."""
    for item in items:
        if item.get_closest_marker("e2e") or item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.timeout(SLOW_SECONDS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End with what was skipped, why, and the command that installs what is missing."""
    reasons = skipped.count(terminalreporter.stats.get("skipped", []))
    skipped.remember(reasons)
    if reasons:
        terminalreporter.section("skipped")
        for line in skipped.lines(reasons):
            terminalreporter.line(line)
