"""One fault at a time, at random moments of a real sweep: `python tests/bench/faults.py --to FILE [--kinds …]`.

Each is a small sweep through Ray, one trial at a time, so that what it decides follows from its seed; the recipe and
what can happen inside a training are in `faulty.py`. A fault strikes at a seeded (trial, epoch), in the training or
while its checkpoint is written. Afterwards are counted

    lost        trials without an end, or ended as failed though they go on by themselves after such a fault
    twice       trials, epochs or ends that are in the journal more than once
    differing   trials whose values or decisions are not those of the unbroken sweep ("-": a trial less, other ranks)
    no reason   trials that were struck for good and did not end as failed with the reason, told to Optuna as infeasible
    orphans     processes of the sweep that outlive it by 20 s
    left over   checkpoints beyond the retention's bound, half-written files

MLflow is recorded where it is the subject alone (its import takes longer than such a sweep); `crashes.py` kills its
server and its database. What was found is added to FILE, a line each; `--table FILES` shows it. Needs root: a control
group, a small disk and a folder that takes no changes are made.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import ray
from ray._raylet import PlacementGroupID
from ray.cluster_utils import Cluster
from ray.util import placement_group_table, remove_placement_group
from ray.util.placement_group import PlacementGroup

HERE = Path(__file__).resolve().parent
PATHS = [str(HERE), str(HERE.parent / "sweeps"), str(HERE.parent.parent)]
sys.path[:0] = PATHS

from agreement import difference  # noqa: E402
from faulty import CGROUP, STRIKES  # noqa: E402

from search import run  # noqa: E402
from search.events import Decided, EpochDone, Row, TrialStarted  # noqa: E402
from search.folder import SweepFolder  # noqa: E402
from search.journal import read  # noqa: E402
from search.searcher import LOST_CONSTRAINT  # noqa: E402
from search.state import SweepState  # noqa: E402
from search.sweep import plan, read_spec  # noqa: E402
from search.tracking.recorder import Recorder, sync  # noqa: E402
from trainables.errors import SteadytuneError  # noqa: E402

NAME = "sweep"
FOREVER = {  # kind: how the reason begins
    "exception": "RuntimeError: expected 3 channels, got 4",
    "MemoryError": "MemoryError",
    "always crashes": "its process crashed: Segmentation fault",
    "always hangs": "no epoch for so long that it counts as hanging",
    "weights not finite": "weights of head are no longer finite",
    "checkpoints unwritable": "PermissionError",
}
OUTSIDE = ("driver killed", "node killed", "recorder killed", "last segment torn")
KINDS = (*STRIKES, "weights not finite", *OUTSIDE)
NEEDS_CHECKPOINT = ("checkpoint cut off", "checkpoint's bit flipped")
SETTLE_SECONDS = 20.0
STORE_BYTES = 80_000_000
QUIET = {"log_to_driver": False, "logging_level": "CRITICAL"}
ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join(PATHS),
    "RAY_worker_niceness": "0",  # else whatever else runs on the machine comes first
}


@dataclass(frozen=True)
class Moment:
    """Where a fault strikes."""

    trial: int
    epoch: int
    moment: str


@dataclass
class Count:
    """What was found after a fault."""

    lost: int = 0
    twice: int = 0
    differing: int = 0
    no_reason: int = 0
    orphans: int = 0
    left_over: int = 0
    notes: list[str] = field(default_factory=list)


class Unrecorded(Recorder):
    """Records nothing."""

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None: ...

    def watch(self, failed: Callable[[Exception], None]) -> None: ...


def launch(root: Path, kind: str, listen: Callable[[Row, SweepState], None], *, again: bool = False) -> Any:
    """The sweep, or the rest of it."""
    values = {
        "name": NAME, "recipe": "faulty:Faulty", "preset": "tiny", "data": str(root / "data"), "seed": 5,
        "trials": 4, "workers": 1, "min_peers": 2, "confirm_top": 1, "confirm_seeds": 1, "keep_checkpoints": 2,
        "retries": 0 if kind in FOREVER else 1, "hang_minutes": 0.2 if "hang" in kind else 5.0,
    }  # fmt: skip
    made = plan(read_spec(values, "bench"))
    return (run.resume if again else run.launch)(made, root / "sweeps", listen)


def prepare(root: Path, kind: str, at: Moment | None) -> None:
    """The data folder, with what is to happen in it."""
    (root / "data").mkdir(parents=True)
    told = {"kind": kind, **vars(at)} if at else {}
    (root / "data" / "fault.json").write_text(json.dumps(told))


def nothing(row: Row, state: SweepState) -> None:
    """Listens to nothing."""


def at_moment(at: Moment, act: Callable[[], None]) -> Callable[[Row, SweepState], None]:
    """Acts once the epoch of `at` has been reported."""
    done: list[bool] = []

    def listen(row: Row, state: SweepState) -> None:
        if isinstance(row.event, EpochDone) and (row.event.trial, row.event.epoch) == (at.trial, at.epoch) and not done:
            done.append(True)
            act()

    return listen


def log(events: list[Any]) -> dict[int, tuple[Any, ...]]:
    """What was drawn and decided, by trial."""
    found: dict[int, tuple[Any, ...]] = {}
    for event in events:
        if isinstance(event, TrialStarted):
            found[event.trial] = (event.kind, event.of, event.seed, tuple(event.drawn.items()))
        elif isinstance(event, Decided):
            found[event.trial] += (event.epoch, event.action, event.reason)
    return found


def events_of(root: Path) -> list[Any]:
    """The sweep's journal."""
    return [row.event for row in read(SweepFolder(root / "sweeps", NAME).journal)]


# --- what happens ----------------------------------------------------------------------------------------------------


def strike(root: Path, kind: str, at: Moment, cluster: Cluster | None) -> tuple[Any, int]:
    """The sweep with its fault, to its end; its state, and the orphans of what was killed."""
    if kind == "driver killed":
        return _driver_killed(root, at)
    if kind == "last segment torn":
        return _torn(root, kind, at), 0
    if kind == "disk full":
        return _disk_full(root, kind), 0
    if kind == "node killed":
        assert cluster is not None
        return launch(root, kind, at_moment(at, lambda: _kill_node(cluster))).state, 0
    if kind == "recorder killed":
        return _recorder_killed(root, kind, at), 0
    return launch(root, kind, nothing).state, 0


def _driver_killed(root: Path, at: Moment) -> tuple[Any, int]:
    first = _drive(root)
    while not _reached(root, at):
        if first.poll() is not None:  # Ray did not start
            first = _drive(root)
        time.sleep(0.05)
    family = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.wait()
    orphans = _outliving(family)
    assert any(_drive(root, "--again").wait() == 0 for _ in range(5)), "it does not go on"
    folder = SweepFolder(root / "sweeps", NAME)
    state = SweepState(folder.plan())
    for row in read(folder.journal):
        state.apply(row)
    return state, orphans


def _drive(root: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "--drive", str(root), *words]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _reached(root: Path, at: Moment) -> bool:
    if not SweepFolder(root / "sweeps", NAME).journal.is_dir():
        return False
    return any(isinstance(one, EpochDone) and (one.trial, one.epoch) == (at.trial, at.epoch) for one in events_of(root))


def _torn(root: Path, kind: str, at: Moment) -> Any:
    """As a power cut leaves it: what was written last was not all on the disk yet."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        launch(root, kind, at_moment(at, interrupt))
    _free()
    newest = max((root / "sweeps" / NAME / "journal").glob("*.parquet"))
    newest.write_bytes(newest.read_bytes()[: random.Random(str(at)).randrange(newest.stat().st_size)])
    return launch(root, kind, nothing, again=True).state


def _free() -> None:
    """Give up what an interrupted sweep still has: that ends with the driver's process, which is not this one."""
    for process in _trainings():
        process.kill()
    for number in placement_group_table():
        remove_placement_group(PlacementGroup(PlacementGroupID(bytes.fromhex(number))))


def _disk_full(root: Path, kind: str) -> Any:
    sweeps = root / "sweeps"
    sweeps.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(sweeps)], check=True)
    said = ""
    try:
        launch(root, kind, nothing)
    except SteadytuneError as error:
        said = str(error)
    assert "the disk is full" in said
    (sweeps / "ballast").unlink()
    return launch(root, kind, nothing, again=True).state


def _kill_node(cluster: Cluster) -> None:
    """The node on which the trial runs; another takes its place, as on a cluster that scales."""
    busy = next(node for node in cluster.worker_nodes if _free_cpus(node.node_id) < 1)
    cluster.remove_node(busy, allow_graceful=False)
    patiently(lambda: cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES))


def _free_cpus(node: str) -> float:
    free = ray._private.state.available_resources_per_node()
    return float(free.get(node, {}).get("CPU", 0.0))


def _recorder_killed(root: Path, kind: str, at: Moment) -> Any:
    made: list[Recorder] = []

    class Watched(Recorder):
        """Can be found."""

        def __enter__(self) -> Recorder:
            made.append(self)
            return super().__enter__()

    run.Recorder = Watched  # type: ignore[misc]
    try:
        finished = launch(root, kind, at_moment(at, lambda: made[0]._process.kill()))
        assert not finished.recorder.finish(), "the killed recorder says that all is recorded"
    finally:
        run.Recorder = Unrecorded  # type: ignore[misc]
    folder = SweepFolder(root / "sweeps", NAME)
    assert sync(folder, lambda: True)
    agreed = difference(root / "sweeps", NAME, folder.store(folder.spec()))
    assert agreed.none, agreed
    return finished.state


# --- what is counted -------------------------------------------------------------------------------------------------


def count(root: Path, kind: str, at: Moment, state: Any, unbroken: dict[int, tuple[Any, ...]]) -> Count:
    """What is wrong after the sweep."""
    found, events = Count(), events_of(root)
    started = Counter(one.trial for one in events if isinstance(one, TrialStarted))
    ended = Counter(one.trial for one in events if isinstance(one, Decided) and one.action == "stop")
    epochs = Counter((one.trial, one.epoch) for one in events if isinstance(one, EpochDone))
    failed = {one.trial for one in events if isinstance(one, Decided) and one.reason in ("failed", "nonfinite")}
    allowed = {at.trial} if kind in FOREVER else set()
    found.lost = len(started.keys() - ended.keys()) + len(failed - allowed)
    found.notes += [f"{n}: {state.trials[n].decision.detail}" for n in failed - allowed]
    found.twice = sum(number - 1 for number in (*started.values(), *ended.values(), *epochs.values()))
    if kind in FOREVER:
        found.no_reason = int(not _told(state, at.trial, FOREVER[kind]))
    else:
        ours = log(events)
        found.differing = sum(ours.get(trial) != unbroken.get(trial) for trial in ours.keys() | unbroken.keys())
    found.left_over = len(left_over(root, kind, at, state))
    found.notes += [str(path) for path in left_over(root, kind, at, state)]
    return found


def _told(state: Any, number: int, words: str) -> bool:
    trial = state.trials[number]
    (own,) = (one for one in state.searcher.study.trials if one.number == number)
    said = trial.decision is not None and trial.decision.detail.startswith(words)
    return bool(said and own.constraints == {LOST_CONSTRAINT: 1.0})


def left_over(root: Path, kind: str, at: Moment, state: Any) -> list[Path]:
    """Checkpoints that should be gone, and half-written or half-deleted things."""
    folder = SweepFolder(root / "sweeps", NAME)
    bound = max(state.plan.spec.keep_checkpoints, len(state.finalists()))
    whole = sorted(folder.trials.glob("*/checkpoints/epoch-????"))
    if kind == "checkpoints unwritable":
        whole = [path for path in whole if path.parents[1].name != f"{at.trial:04d}"]
    halves = [path for word in ("partial", "removed", "damaged") for path in folder.path.rglob(f"*.{word}")]
    halves = [path for path in halves if not (kind == "last segment torn" and path.suffix == ".damaged")]
    return whole[bound:] + halves + ([folder.ray] if folder.ray.exists() else [])


def _outliving(family: list[psutil.Process]) -> int:
    _, alive = psutil.wait_procs(family, timeout=SETTLE_SECONDS)
    return len(alive)


def _trainings() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "Trainable" in " ".join(process.cmdline()):  # ray::RecipeTrainable, ray::ResourceTrainable.train
                found.append(process)
    return found


# --- all of it -------------------------------------------------------------------------------------------------------


@contextmanager
def session(nodes: bool) -> Iterator[Cluster | None]:
    """One Ray for all sweeps; of three raylets if nodes are to be killed."""
    cluster = patiently(_cluster if nodes else _alone, _clear)
    yield cluster
    ray.shutdown()
    if cluster:
        cluster.shutdown()


def patiently(start: Callable[[], Any], again: Callable[[], None] = lambda: None) -> Any:
    """Ray gives up after 30 s, which is not much on a busy machine; `again` clears up before it is tried again."""
    for _ in range(9):
        try:
            return start()
        except Exception:
            again()
    return start()


def _clear() -> None:
    """What is left of a Ray that did not come up."""
    ray.shutdown()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            process.kill()


def _alone() -> None:
    ray.init(address="local", num_cpus=1, include_dashboard=False, object_store_memory=STORE_BYTES, **QUIET)


def _cluster() -> Cluster:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE_BYTES})
    for _ in range(2):
        cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    ray.init(address=cluster.address, **QUIET)
    return cluster


def one(base: Path, kind: str, seed: int, pairs: list[tuple[int, int]], unbroken: Any, cluster: Any) -> Count:
    """One sweep with one fault."""
    draw = random.Random(f"{kind}/{seed}")
    able = [pair for pair in pairs if pair[1] > 1] if kind in NEEDS_CHECKPOINT else pairs
    at = Moment(*draw.choice(able), draw.choice(["training", "saving"]))
    if kind in (*NEEDS_CHECKPOINT, "checkpoints unwritable"):
        at = Moment(at.trial, at.epoch, "training")
    root = base / f"{kind.replace(' ', '-')}-{seed}"
    prepare(root, kind, at)
    try:
        state, orphans = strike(root, kind, at, cluster)
        found = count(root, kind, at, state, unbroken)
        found.orphans = orphans + _outliving(_trainings())
    except Exception as error:
        found = Count(lost=1, notes=[f"{type(error).__name__}: {error}"])
    finally:
        for folder in root.glob("sweeps/*/trials/*/checkpoints"):
            subprocess.run(["chattr", "-i", str(folder)], check=False, capture_output=True)
        subprocess.run(["umount", "-l", str(root / "sweeps")], check=False, capture_output=True)
        for group in CGROUP.glob("steadytune-faulty-*"):
            with suppress(OSError):
                group.rmdir()
    found.notes = [f"{at}: {note}" for note in found.notes]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="number of the first moment")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--to", type=Path, help="file to add what is found to")
    parser.add_argument("--table", type=Path, nargs="+", help="files to show")
    parser.add_argument("--drive", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--again", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    run.Recorder = Unrecorded  # type: ignore[misc]
    if given.drive:
        launch(given.drive, "driver killed", nothing, again=given.again)
    elif given.table:
        show([json.loads(line) for file in given.table for line in file.read_text().splitlines()])
    else:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        measure(given.kinds, range(given.first, given.moments), given.to)


def measure(kinds: list[str], moments: range, to: Path) -> None:
    """Every kind at its first moment, then every kind at its second …"""
    with tempfile.TemporaryDirectory() as name, session("node killed" in kinds) as cluster:
        base = Path(name)
        prepare(base / "unbroken", "none", None)
        launch(base / "unbroken", "none", nothing)
        events = events_of(base / "unbroken")
        search = {one.trial for one in events if isinstance(one, TrialStarted) and one.kind == "search"}
        pairs = [(one.trial, one.epoch) for one in events if isinstance(one, EpochDone) and one.trial in search]
        for seed in moments:
            for kind in kinds:
                began = time.monotonic()
                found = one(base, kind, seed, pairs, log(events), cluster)
                row = {"kind": kind, "seed": seed, "seconds": time.monotonic() - began, **vars(found)}
                with to.open("a") as file:
                    file.write(json.dumps(row) + "\n")


def show(rows: list[dict[str, Any]]) -> None:
    """One line a kind."""
    columns = ("lost", "twice", "differing", "no_reason", "orphans", "left_over")
    print(f"| fault | moments | {' | '.join(columns).replace('_', ' ')} | seconds each |")
    print(f"| --- |{' --- |' * 8}")
    for kind in KINDS:
        own = [row for row in rows if row["kind"] == kind]
        if own:
            sums = {name: str(sum(row[name] for row in own)) for name in columns}
            sums |= {"differing": "-"} if kind in FOREVER else {"no_reason": "-"}
            seconds = sum(row["seconds"] for row in own) / len(own)
            print(f"| {kind} | {len(own)} | {' | '.join(sums.values())} | {seconds:.0f} |")
    for row in rows:
        for note in row["notes"]:
            print(f"{row['kind']} {row['seed']}: {note}")


if __name__ == "__main__":
    main()
