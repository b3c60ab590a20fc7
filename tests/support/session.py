"""A user's session with one sweep, in which the sweep's process is killed at seeded moments.

Launch 12 trials in the background, look, stop one, add one by hand, let it end, extend it by 12 trials in a wider
range, compare, export, replay, delete. Each step is a command line in a process of its own.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from search.journal.events import Decided, EpochDone, Requested, SweepExtended, TrialStarted
from search.journal.segments import list_segments, read, segments
from search.sweep.folder import SweepFolder
from tests.support import REPOSITORY, SUPPORT
from tests.support.waiting import DEADLINE_SECONDS

NAME = "mine"
TRIALS, MORE, ADDED = 12, 12, 0.55
ROWS = 120
"""About how many the journal has in the end."""
LAUNCH = ["launch", "--recipe", "trouble:Trouble", "--preset", "tiny", "--data", ".", "--name", NAME, "--background"]
LAUNCH += ["--set", "epochs=8", "--set", "pause=1", "--set", "x={low: 0.2, high: 0.6}", "--trials", str(TRIALS)]
LAUNCH += ["--workers", "2", "--confirm-top", "1", "--confirm-seeds", "1", "--audit", "0"]


class Session:
    """The session.

    Args:
        folder: an empty one, where it takes place.
        kills: how often the sweep's process is killed; fewer if its journal is too short for them.
        seed: of the moments.
        kill_verbs: kill the last verbs, `export` and `rm`, too, once each, and say them again.
    """

    def __init__(self, folder: Path, kills: int = 0, seed: int = 0, *, kill_verbs: bool = False) -> None:
        self.folder = folder
        self.sweep = SweepFolder(folder / "sweeps", NAME)
        self.killed: list[str] = []
        paths = os.pathsep.join(map(str, (SUPPORT, REPOSITORY)))
        self._env = {**os.environ, "PYTHONPATH": paths, "COLUMNS": "200"}
        self._pid = 0
        self._step = self._complaint = ""
        self._kills, self._draw = kills, random.Random(seed)
        self._kill_verbs = kill_verbs
        self._over = threading.Event()
        self.reports: dict[str, str] = {}

    def run(self) -> None:
        """The whole session, up to the deletion."""
        killer = threading.Thread(target=self._kill_now_and_then)
        killer.start()
        try:
            self._begin("launch", *LAUNCH)
            self._wait(lambda: self._events(EpochDone) >= 1)
            self._stop_one()
            self.say("add", NAME, f"x={ADDED}")
            self._until_ended()
            bounds = ["--set", "x.high=0.9"]
            self._begin("extend", "resume", NAME, "--trials", str(TRIALS + MORE), *bounds, "--background")
            self._until_ended()
        finally:
            self._over.set()
            killer.join()
        self.reports["compare"] = self.say("compare", NAME)
        self._kill_at_work("export", NAME)
        self.reports["export"] = self.say("export", NAME)
        self.reports["replay"] = self.say("replay", NAME)
        self.reports["page"] = Path(self.say("report", NAME).strip()).read_text(encoding="utf-8")
        self.reports["status"] = self.say("status", NAME, "--json")

    def delete(self) -> None:
        """The end of the session."""
        self._kill_at_work("rm", NAME, "--yes")
        if self.sweep.path.exists():
            self.say("rm", NAME, "--yes")

    def say(self, *words: str, may_fail: bool = False) -> str:
        """Run a verb to its end; returns what it printed."""
        process = self._start(*words)
        printed, complaint = process.communicate()
        self._complaint = complaint
        assert may_fail or process.returncode == 0, f"{words}: {printed}{complaint}"
        return printed if process.returncode == 0 else ""

    def _start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "search", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=self._env, stdout=pipe, stderr=pipe, text=True)

    def _kill_at_work(self, *words: str) -> None:
        """Kill a verb at a moment of its first seconds; it may have ended before."""
        if not self._kill_verbs:
            return
        process = self._start(*words)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=self._draw.uniform(0.5, 6.0))
        if process.poll() is None:
            process.kill()
            process.communicate()
            self.killed.append(words[0])

    def _begin(self, step: str, *words: str) -> None:
        """Start the sweep, or go on with it, until its process lives; it may be killed at once."""
        self._step = step
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            started = self.say(*words, may_fail=True)
            if process := re.search(r"as process (\d+)", started):
                self._pid = int(process[1])
                return
            if self.sweep.spec_file.is_file() and words[0] == "launch":  # killed while it started
                words = ("resume", NAME, "--background")
            time.sleep(0.5)
        raise AssertionError(f"{words} did not start: {self._complaint}")

    def _stop_one(self) -> None:
        """Stop a trial that has not ended; one may end just before."""
        self._step = "stop"
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            trials = json.loads(self.say("status", NAME, "--json"))["trials"]
            open_trials = [trial["trial"] for trial in trials if trial["status"] != "ended" and trial["trial"]]
            if open_trials and self.say("stop", NAME, str(open_trials[-1]), may_fail=True):
                return
            self._revive()
        raise AssertionError("no trial could be stopped")

    def _until_ended(self) -> None:
        self._step = "train"
        self._wait(lambda: json.loads(self.say("status", NAME, "--json"))["state"] == "ended")

    def _wait(self, condition: Any) -> None:
        """Until `condition` holds; on a busy machine that takes long, but the journal grows or a kill sets it back."""
        progress, deadline = (-1, -1, False), time.monotonic()
        while True:
            reached = (self._rows(), len(self.killed), self.sweep.held)
            if reached != progress:
                progress, deadline = reached, time.monotonic() + 4 * DEADLINE_SECONDS
                if condition():  # not asked again and again: a verb takes a second of one of two cores
                    return
            assert time.monotonic() < deadline, f"{self._step}: {(self.sweep.log).read_text()[-2000:]}"
            self._revive()
            time.sleep(1)

    def _revive(self) -> None:
        """Resume the sweep if its process was killed."""
        if not self.sweep.held and '"ended"' not in self.say("status", NAME, "--json").partition('"epochs"')[0]:
            self._begin(self._step, "resume", NAME, "--background")

    def _kill_now_and_then(self) -> None:
        """Kill the sweep's process as often as was asked for, each time after some rows of its journal."""
        while len(self.killed) < self._kills and not self._over.is_set():
            due = self._rows() + self._draw.randint(1, max(1, 2 * ROWS // (self._kills + 1)))
            while self._rows() < due and not self._over.wait(0.1):
                pass
            if not self._over.wait(self._draw.uniform(0.0, 2.0)) and self._kill():
                self.killed.append(self._step)

    def _kill(self) -> bool:
        for process in psutil.process_iter(["pid", "cwd", "cmdline"]):
            words = process.info["cmdline"] or []
            is_driver = "search" in words[:3] and process.info["cwd"] == str(self.folder)
            if is_driver and {"launch", "resume"} & set(words) and "--background" not in words:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
                    return True
        return False

    def _rows(self) -> int:
        return list_segments(self.sweep.journal)[-1].last if segments(self.sweep.journal) else 0

    def _events(self, kind: type) -> int:
        rows = read(self.sweep.journal) if self.sweep.journal.is_dir() else ()
        return sum(isinstance(row.event, kind) for row in rows)

    def check(self) -> dict[str, int]:
        """Check that every number is right; returns what was counted."""
        events = [row.event for row in read(self.sweep.journal)]
        started = [event for event in events if isinstance(event, TrialStarted)]
        requests = [event for event in events if isinstance(event, Requested)]
        search = [event for event in started if event.kind == "search"]
        epochs = Counter((event.trial, event.epoch) for event in events if isinstance(event, EpochDone))
        assert [event.trial for event in started] == list(range(len(started)))
        assert set(epochs.values()) == {1}
        assert len(search) == TRIALS + MORE + 1
        assert [event.settings["x"] for event in search if event.by_hand] == [ADDED]
        assert max(Counter(event.request for event in requests).values()) == 1
        accepted = [event.verb for event in requests if event.accepted]
        assert sorted(accepted) == ["add", "stop"]
        by_hand = [event for event in events if isinstance(event, Decided) and event.reason == "by_hand"]
        assert [event.trial for event in by_hand] == [event.trial for event in requests if event.verb == "stop"][-1:]
        (extended,) = [event for event in events if isinstance(event, SweepExtended)]
        assert extended.changes["trials"] == [TRIALS, TRIALS + MORE]
        drawn = [event.drawn["x"] for event in search if not event.named]
        assert max(drawn[: TRIALS - 1]) <= 0.6 < max(drawn[TRIALS - 1 :])
        assert "By hand: stop trial" in self.reports["page"]
        assert "Changed on the way" in self.reports["page"]
        status = json.loads(self.reports["status"])
        assert len(status["trials"]) == len(started)
        assert {trial["status"] for trial in status["trials"]} == {"ended"}
        assert (self.sweep.best / "settings.yaml").is_file()
        return {"kills": len(self.killed), "trials": len(started), "epochs": len(epochs), "rows": len(events)}
