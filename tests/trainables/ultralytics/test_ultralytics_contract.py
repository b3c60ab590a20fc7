"""What of Ultralytics is relied on: a release that changes it fails here, and not in a night's sweep."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from trainables.settings import read_yaml
from trainables.ultralytics.files import package_folder
from trainables.ultralytics.recipe import Ultralytics
from trainables.ultralytics.settings import LEFT_OUT, OURS, UltralyticsSettings
from trainables.ultralytics_import import isolated

with isolated():
    from ultralytics import YOLO
    from ultralytics.data.build import InfiniteDataLoader
    from ultralytics.engine.trainer import BaseTrainer
    from ultralytics.utils import callbacks
    from ultralytics.utils.loss import E2ELoss

    from trainables.ultralytics import best, distributed, hooks, state, training, upstream

NO_TRAINING = {"Predict", "Visualize", "Export", "Tracker", "Custom"}
"""Sections of Ultralytics' configuration file that no training reads."""


def used_of_trainer() -> set[str]:
    """Every attribute of the trainer that our modules read or set."""
    names = set()
    for module in (best, distributed, hooks, state, training, upstream):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("trainer"):
                names.add(node.attr)
    return names


def test_each_attribute_of_the_trainer_that_is_used_is_there() -> None:
    source = inspect.getsource(BaseTrainer)
    attributes = set(re.findall(r"self\.(\w+)", source)) | set(vars(BaseTrainer))
    used = used_of_trainer()
    assert {"accumulate", "optimizer_step", "_oom_retries", "tloss", "csv", "start_epoch"} <= used
    assert used - attributes == set()


@pytest.mark.parametrize(
    "line",
    [
        "acc0 = self.accumulate",  # taken after the set-up, where we set it to 1
        "if ni - last_opt_step >= self.accumulate:",
        "self.optimizer_step()",
        "if epoch > self.start_epoch or self._oom_retries >= 3 or RANK != -1:",
        "self._oom_retries = 0  # OOM auto-reduce counter for first epoch",  # before on_train_epoch_start
        "if (self.args.save or final_epoch) and self.save_model():",
        "self.scheduler.last_epoch = self.start_epoch - 1  # do not move",
        "self.args.workers = 0  # faster CPU training as time dominated by inference, not dataloading",
        "self.ddp = world_size > 1 and LOCAL_RANK == -1  # spawn DDP workers unless already one",
        "xi = [0, nw]  # x interp",
        "if self.world_size > 1:\n            self._setup_ddp()\n        self._setup_train()",  # for several processes
        "init_seeds(self.args.seed + 1 + RANK, deterministic=self.args.deterministic)",
        "self.model = nn.parallel.DistributedDataParallel(",
        "device_ids=[self.device.index],",
        "if RANK in {-1, 0} and not self.ddp:\n            callbacks.add_integration_callbacks(self)",
        "detected but no valid last.pt is available for recovery",
        "self.accumulate = max(1, int(np.interp(ni, xi, [1, acc0]).round()))",
    ],
)
def test_the_trainer_has_the_lines_that_the_hooks_build_on(line: str) -> None:
    assert line in inspect.getsource(BaseTrainer)


def test_the_order_of_events_is_the_one_that_the_hooks_wait_at() -> None:
    source = inspect.getsource(BaseTrainer._do_train)
    marks = [
        "self._setup_train()",
        "acc0 = self.accumulate",
        '"on_train_epoch_start"',
        "self.scheduler.step()",
        '"on_train_batch_start"',
        "criterion.update()",
        '"on_train_epoch_end"',
        "self.validate()",
        "self._handle_nan_recovery(epoch)",
        '"on_fit_epoch_end"',
    ]
    positions = [source.index(mark) for mark in marks]
    assert positions == sorted(positions)


def test_the_events_are_ultralytics_own() -> None:
    ours = re.findall(r'"(on_\w+)":', inspect.getsource(hooks.Hooks.callbacks))
    assert len(ours) == 7
    assert set(ours) <= set(callbacks.get_default_callbacks())


def test_the_loader_starts_anew_and_the_loss_counts_its_updates() -> None:
    assert {"reset", "close"} <= set(vars(InfiniteDataLoader))
    criterion = inspect.getsource(E2ELoss)
    assert "self.updates = 0" in criterion
    assert "self.o2m = self.decay(self.updates)" in criterion


def test_every_task_has_its_classes_without_an_instance() -> None:
    kinds = YOLO.task_map.fget(None)
    for task in ("detect", "segment", "pose", "obb", "classify"):
        assert {"model", "trainer", "validator"} <= set(kinds[task])


def test_everything_that_is_switched_off_is_there_to_be_switched_off() -> None:
    with upstream.contained({}) as remarks:
        assert remarks == []


def test_every_training_key_of_theirs_is_a_setting_or_left_out_with_a_reason() -> None:
    keys: set[str] = set()
    others: set[str] = set()
    section = ""
    for line in (package_folder() / "cfg/default.yaml").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"# (\w+)[^-]*-{10}", line):
            section = match[1]
        elif match := re.match(r"(\w+):", line):
            (others if section in NO_TRAINING else keys).add(match[1])
    fields = set(UltralyticsSettings.model_fields)
    assert keys - fields - set(LEFT_OUT) == {"dnn"}  # of the evaluation of exported models
    assert fields - keys - others == set(OURS)
    assert set(LEFT_OUT) - keys - others == {"augmentations"}  # taken by `train` without being in the file


def test_the_preset_paper_has_their_defaults() -> None:
    theirs = read_yaml(package_folder() / "cfg/default.yaml")
    ours = Ultralytics().settings("paper", {}).model_dump()
    changed = {name for name, value in ours.items() if name not in OURS and theirs[name] != value}
    assert changed == {"model", "task", "optimizer"}


def test_their_plots_and_fonts_are_fetched_by_nobody(tmp_path: Path) -> None:
    from ultralytics.utils import downloads

    with upstream.contained({}), pytest.raises(ConnectionError, match="nothing is downloaded"):
        downloads.safe_download("https://example.com/x.pt", dir=tmp_path)
