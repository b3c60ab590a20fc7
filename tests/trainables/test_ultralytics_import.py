"""No recipe reaches for the network or writes outside its trial's folder, and two workers at once disturb nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainables.samples.coco_digits import write_coco
from trainables.samples.digits import write_yolo
from trainables.samples.reference_videos import write_refdet
from trainables.samples.thermal_clips import write_thermal
from trainables.samples.thermal_pairs import write_rgbt

pytestmark = pytest.mark.e2e  # two processes that import everything and train each recipe

WORKER = """
import json, socket
from pathlib import Path

def no_network(*wanted, **_):
    raise AssertionError(f"reaches for the network: {wanted}")

socket.getaddrinfo = socket.create_connection = no_network
connect = socket.socket.connect
socket.socket.connect = lambda own, to: connect(own, to) if own.family == socket.AF_UNIX else no_network(to)

import torch
from trainables import registry
torch.set_num_threads(1)
for name, data, settings in json.loads(Path("given.json").read_text()):
    recipe = registry.find(name)
    workdir = Path("trials", name)
    workdir.mkdir(parents=True)
    given = recipe.settings("tiny", settings | {"epochs": 1, "warmup_epochs": 0})
    epoch = next(recipe.train(given, recipe.open(Path(data)), workdir))
    print(name, json.dumps({**epoch.losses, **epoch.metrics}), flush=True)
"""


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, dict[str, object]]]:
    """Each recipe with a little data and settings to match."""
    root = tmp_path_factory.mktemp("data")
    few: dict[str, Any] = {"train": 12, "val": 4, "size": 64}
    return [
        ("resnet_yolo", str(write_yolo(root / "yolo", **few)), {"image_size": 64}),
        ("rgbt", str(write_rgbt(root / "rgbt", **few)), {"image_size": 64}),
        ("yolox", str(write_coco(root / "coco", **few)), {"input_size": [64, 64]}),
        ("slowfast", str(write_thermal(root / "thermal", train=8, val=4)), {"frames": 8}),
        (
            "refdet",
            str(write_refdet(root / "refdet", train=3, test=2, frames=3, size=64)),
            {"image_size": 64, "n_episodes": 2, "n_way": 2, "n_query": 1},
        ),
    ]


def started(folder: Path) -> subprocess.Popen[str]:
    """A worker whose home, working folder and temporary files are under `folder`."""
    root = Path(__file__).parents[3]
    environment = {name: str(folder) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    left = {name: value for name, value in os.environ.items() if not name.startswith(("YOLO", "MPL", "TORCH"))}
    return subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=folder,
        env=left | environment | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_two_workers_at_once_train_alike_offline_and_write_nothing_elsewhere(
    trainings: list[tuple[str, str, dict[str, object]]], tmp_path: Path
) -> None:
    data = sorted(Path(trainings[0][1]).parents[1].rglob("*"))
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "given.json").write_text(json.dumps(trainings))
    (folders[1] / "given.json").write_text(json.dumps(trainings[::-1]))
    with started(folders[0]) as in_order, started(folders[1]) as reversed_order:
        try:
            outputs = [worker.communicate() for worker in (in_order, reversed_order)]
        finally:
            in_order.kill()
            reversed_order.kill()
    assert [in_order.returncode, reversed_order.returncode] == [0, 0], outputs
    assert sorted(outputs[0][0].splitlines()) == sorted(outputs[1][0].splitlines()), "whoever trained before"
    assert len(outputs[0][0].splitlines()) == len(trainings)
    for folder in folders:
        files = {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}
        assert files - {"trials"} == {"given.json"}
    assert sorted(Path(trainings[0][1]).parents[1].rglob("*")) == data
