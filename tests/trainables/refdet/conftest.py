from __future__ import annotations

import pytest

from trainables.refdet.data import RefdetData, open_refdet
from trainables.samples.reference_videos import write_refdet


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> RefdetData:
    """Enough to see that something changes, not to learn."""
    return open_refdet(write_refdet(tmp_path_factory.mktemp("v") / "v", train=3, test=2, frames=3, size=64))
