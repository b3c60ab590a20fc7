"""A small sequence on disk: two cows that walk, three frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

INFO = "[Sequence]\nname=walk\nimDir=img1\nframeRate=10\nseqLength=3\nimWidth=64\nimHeight=48\nimExt=.png\n"
TRACKS = "".join(f"{n},1,{4 * n},10,12,20,1,1,1\n{n},2,{50 - 4 * n},8,12,20,1,2,0.5\n" for n in (1, 2, 3))


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    folder = tmp_path / "sequences" / "walk"
    for name in ("img1", "gt"):
        (folder / name).mkdir(parents=True)
    for number in (1, 2, 3):
        Image.fromarray(np.full((48, 64, 3), 20 * number, dtype=np.uint8)).save(folder / "img1" / f"{number:06d}.png")
    (folder / "seqinfo.ini").write_text(INFO)
    (folder / "gt" / "gt.txt").write_text(TRACKS)
    return folder
