"""Each bench module can be imported, and what can run within seconds runs on its smallest input."""

from __future__ import annotations

import importlib
import json
import math
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from tests.bench.anytime.peers.system import ENVIRONMENTS
from tests.support import REPOSITORY
from tests.support.fakes import plan_of

FOLDER = Path(__file__).parent / "bench"
ELSEWHERE = {"tests.bench.public.syne_rules", "tests.bench.documents.slowfast_in_mmaction2"} | {
    f"tests.bench.anytime.peers.in_{name}" for name in ENVIRONMENTS
}
"""Others have environments of their own."""
MODULES = sorted(
    path.relative_to(REPOSITORY).with_suffix("").as_posix().replace("/", ".") for path in FOLDER.rglob("*.py")
)
RUNNABLE = [name for name in MODULES if "\ndef main(" in (REPOSITORY / f"{name.replace('.', '/')}.py").read_text()]


@dataclass(frozen=True)
class Inputs:
    """What benches read, as small as it can be."""

    folder: Path

    @property
    def curves(self) -> Path:
        """Public learning curves: two groups of seven runs, nine epochs each."""
        draw, runs, curves = random.Random(0), [], []
        for run in range(14):
            family = f"repository{run % 2}/digits"
            runs.append({"run_id": str(run), "family": family, "repo": family[:11], "planned_epochs": 9})
            top = draw.uniform(0.2, 0.9)
            curves += [
                {
                    "run_id": str(run),
                    "t": epoch,
                    "metric": top * (1 - math.exp(-epoch / 3)),
                    "evaluated": True,
                    "train_loss": 1 / epoch,
                    "val_loss": 1.2 / epoch,
                    "nonfinite_raw": False,
                }
                for epoch in range(1, 10)
            ]
        for name, rows in (("runs", runs), ("curves", curves)):
            parquet.write_table(pa.Table.from_pylist(rows), self.folder / f"{name}.parquet")
        return self.folder

    @property
    def taskset(self) -> Path:
        """A folder with one task: twelve configurations, of which the last diverges."""
        folder = self.folder / "tasks"
        folder.mkdir()
        rates = [10.0**-number for number in range(12)]
        rows = [
            {"configuration": number, "epoch": epoch, "value": epoch / (4 + number), "loss": 1 / epoch}
            for number in range(12)
            for epoch in range(1, 5)
        ]
        rows[-1] |= {"value": math.nan, "loss": math.nan}
        described = {"configurations": json.dumps([{"learning_rate": rate, "beta1": rate} for rate in rates])}
        task = pa.Table.from_pylist(rows).replace_schema_metadata(described)
        parquet.write_table(task, folder / "task.parquet")
        return folder

    @property
    def faults(self) -> Path:
        """One row of the fault table."""
        names = ("lost", "twice", "differing", "unexplained", "no_reason", "orphans", "left_over")
        file = self.folder / "faults.jsonl"
        row = {"kind": "driver killed", "seed": 0, "seconds": 1.0, "notes": [], **dict.fromkeys(names, 0)}
        file.write_text(json.dumps(row) + "\n")
        return file

    @property
    def gpu(self) -> Path:
        """A file in which the smallest parts are done: none is run again."""
        from tests.bench.cost.gpu import parts

        file = self.folder / "gpu.jsonl"
        file.write_text("".join(json.dumps({"part": part, "ms_a_step": 1.5}) + "\n" for part in parts(smoke=True)))
        return file

    @property
    def sweeps(self) -> Path:
        """A folder with one sweep, `small`."""
        from search.state.outcome import result
        from search.sweep.folder import SweepFolder
        from tests.support.workers import swept

        data = self.folder / "data"
        data.mkdir()
        (data / "data.txt").write_text("1\n")
        plan = plan_of(data, name="small", trials=12, confirm_top=1, confirm_seeds=1, scheduler="none")
        folder = SweepFolder.create(self.folder / "sweeps", plan.spec)
        coordinator = swept(plan, folder.journal)
        coordinator.end(result(coordinator.state))
        return self.folder / "sweeps"

    @property
    def recorded(self) -> Path:
        """That sweep as a table of recorded trainings."""
        from tests.bench.own import keep

        file = self.folder / "table.parquet"
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sys, "argv", ["keep", str(self.sweeps / "small"), str(file)])
            keep.main()
        shutil.copy(self.folder / "sweeps" / "small" / "sweep.yaml", file.with_suffix(".yaml"))
        return file


SMALLEST: dict[str, Callable[[Inputs], list[object]]] = {
    "anytime.compare": lambda inputs: [
        *("--own", "--taskset", inputs.taskset, "--public", inputs.curves, "--jobs", 1, "--seeds", 1),
        *("--only", "^one epoch|^steadytune$"),
    ],
    "cost.speed": lambda _: ["--sizes", 10, "--schedulers", "asha", "--samplers"],
    "own.keep": lambda inputs: [inputs.sweeps / "small", inputs.folder / "table.parquet"],
    "public.compare": lambda inputs: [
        *(inputs.curves, "--orders", 1, "--splits", 0, "--only", "asha", "--out", inputs.folder / "results.md"),
    ],
    "public.harm": lambda inputs: [inputs.curves],
    "search.figure": lambda inputs: [inputs.sweeps, "small", inputs.folder / "figure.png"],
    "faults.faults": lambda inputs: ["--table", inputs.faults],
    "cost.gpu": lambda inputs: [inputs.gpu, "--smoke"],
}
"""What runs within a second or two."""

SLOW: dict[str, Callable[[Inputs], list[object]]] = {
    "cost.opening": lambda inputs: ["--images", 20, "--repeat", 1, "--folder", inputs.folder / "pictures"],
    "cost.large": lambda _: ["--trials", 20, "--epochs", 3],
    "cost.many": lambda _: ["--at-once", 2, "--trials", 2, "--epochs", 1],
    "cost.gpu": lambda inputs: [inputs.folder / "gpu.jsonl", "--smoke"],
    "cost.loading": lambda _: ["--recipes", "slowfast", "--step", 1, "--epochs", 1, "--workers", 1],
}
"""What takes longer, or starts Ray: each in a process of its own. Others start Ray several times: minutes each."""


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs(tmp_path)


@pytest.mark.parametrize("name", [name for name in MODULES if name not in ELSEWHERE])
def test_it_can_be_imported(name: str) -> None:
    importlib.import_module(name)


@pytest.mark.parametrize("name", [name for name in RUNNABLE if name not in ELSEWHERE | {"tests.bench.search.figure"}])
def test_it_says_what_it_takes(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as left:
        importlib.import_module(name).main()
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("usage: ")


@pytest.mark.parametrize("name", SMALLEST)
def test_it_runs_on_its_smallest_input(
    name: str, inputs: Inputs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = importlib.import_module(f"tests.bench.{name}")
    before = set(inputs.folder.rglob("*"))
    monkeypatch.setattr(sys, "argv", [name, *map(str, SMALLEST[name](inputs))])
    module.main()
    assert capsys.readouterr().out or set(inputs.folder.rglob("*")) - before


@pytest.mark.e2e
@pytest.mark.parametrize("name", SLOW)
def test_it_runs_on_its_smallest_input_in_a_process_of_its_own(name: str, inputs: Inputs) -> None:
    command = [sys.executable, "-m", f"tests.bench.{name}", *map(str, SLOW[name](inputs))]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout
