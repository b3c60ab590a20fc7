"""The files of `docs/cluster/`: what can be known of them without the clusters that they are for."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.support.waiting import DEADLINE_SECONDS, wait_until

FOLDER = Path(__file__).parent.parent / "docs" / "cluster"
STUB = """#!/bin/sh
trap "exit 130" TERM
echo "$(basename "$0") $*" >> "$CALLS"
"""


def manifest(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / name).read_text(encoding="utf-8")))


def test_ray_accepts_the_cluster_file() -> None:
    ray = importlib.util.find_spec("ray")
    assert ray is not None
    assert ray.origin is not None
    schema = json.loads((Path(ray.origin).parent / "autoscaler" / "ray-schema.json").read_text())
    described = manifest("ray-cluster.yaml")
    jsonschema.validate(described, schema)
    for command in (*described["head_start_ray_commands"], *described["worker_start_ray_commands"]):
        assert "ray stop" in command or "RAY_AUTH_MODE=token" in command


@pytest.mark.parametrize("name", ["kuberay-cluster.yaml", "kuberay-job.yaml"])
def test_kuberay_starts_what_ray_needs(name: str) -> None:
    described = manifest(name)
    assert described["apiVersion"] == "ray.io/v1"
    assert described["kind"] == ("RayJob" if "job" in name else "RayCluster")
    cluster = described["spec"].get("rayClusterSpec", described["spec"])
    assert cluster["authOptions"] == {"mode": "token"}
    lock = (FOLDER.parent.parent / "requirements.lock").read_text(encoding="utf-8")
    assert f"\nray=={cluster['rayVersion']} " in lock
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    pods = [group["template"]["spec"] for group in groups]
    assert len({container["image"] for pod in pods for container in pod["containers"]}) == 1
    for group, pod in zip(groups, pods, strict=True):
        assert isinstance(group["rayStartParams"], dict)
        [container] = pod["containers"]
        assert {"name", "image", "resources", "volumeMounts"} <= container.keys()
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
        assert {"name": "shared", "mountPath": "/shared"} in container["volumeMounts"], "all nodes share the sweeps"
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_the_job_resumes_what_it_finds() -> None:
    entrypoint = manifest("kuberay-job.yaml")["spec"]["entrypoint"]
    subprocess.run(["bash", "-n", "-c", entrypoint], check=True)
    assert "search resume cattle" in entrypoint
    assert "search launch /etc/steadytune/sweep.yaml --name cattle" in entrypoint


RENTED = {"skypilot.yaml": "run", "dstack.dstack.yml": "commands"}
"""The files for rented machines, and where each has its script."""


@pytest.mark.parametrize("name", RENTED)
@pytest.mark.parametrize("is_there", [False, True])
def test_a_rented_machine_resumes_what_it_finds(name: str, is_there: bool, tmp_path: Path) -> None:
    content, calls = manifest(name)[RENTED[name]], tmp_path / "calls.txt"
    script = content if isinstance(content, str) else content[-1]
    (tmp_path / "steadytune").write_text(f'{STUB}[ "$1" != status ] || exit {0 if is_there else 2}\n')
    (tmp_path / "steadytune").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "CALLS": str(calls), "STORAGE": "s3://bucket/sweeps", "DATA": "s3://bucket/cattle"}
    subprocess.run(["bash", "-ec", script], check=True, env=env)
    (_, verb) = calls.read_text().splitlines()
    assert verb.startswith("steadytune resume cattle" if is_there else "steadytune launch --recipe resnet_yolo")
    assert verb.endswith("--storage s3://bucket/sweeps")


class Slurm:
    """The commands that the batch script calls, which write down how they were called."""

    def __init__(self, folder: Path) -> None:
        self.calls = folder / "calls.txt"
        programs = folder / "bin"
        programs.mkdir()
        bodies = {
            "srun": STUB,
            "scontrol": STUB + '[ "$1" = show ] && printf "one\\ntwo\\nthree\\n"; exit 0',
            "ray": STUB,
            "steadytune": STUB + 'i=0; while [ $i -lt "$TENTHS" ]; do sleep 0.1; i=$((i+1)); done',
        }
        for name, body in bodies.items():
            (programs / name).write_text(body)
            (programs / name).chmod(0o755)
        self.env = os.environ | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "CALLS": str(self.calls),
            "TENTHS": "5",
            "SLURM_JOB_ID": "7",
            "SLURM_JOB_NODELIST": "[one-three]",
            "SLURM_CPUS_PER_TASK": "16",
            "SLURM_GPUS_ON_NODE": "2",
            "STEADYTUNE_SWEEPS": str(folder / "sweeps"),
        }

    def start(self, **env: str) -> subprocess.Popen[bytes]:
        command = ["bash", str(FOLDER / "slurm.sh"), "cattle", "sweep.yaml"]
        return subprocess.Popen(command, env=self.env | env)

    def called(self, words: str) -> bool:
        return self.calls.exists() and any(words in line for line in self.calls.read_text().splitlines())


def catches(pid: int, sent: signal.Signals) -> bool:
    """Whether the process has a handler of its own for the signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(mask, 16) >> (sent - 1) & 1)


@pytest.fixture
def slurm(tmp_path: Path) -> Slurm:
    return Slurm(tmp_path)


def test_slurm_starts_a_head_and_a_node_each_and_the_sweep(slurm: Slurm) -> None:
    assert slurm.start().wait(DEADLINE_SECONDS) == 0
    assert slurm.called("--nodelist=one ray start --head --block --port=20007")
    for node in ("two", "three"):
        assert slurm.called(f"--nodelist={node} ray start --block --address=one:20007 --num-cpus=16 --num-gpus=2")
    assert slurm.called("steadytune launch sweep.yaml --name cattle --address one:20007")
    assert not slurm.called("scontrol requeue")


def test_slurm_resumes_a_sweep_that_is_there(slurm: Slurm, tmp_path: Path) -> None:
    (tmp_path / "sweeps" / "cattle").mkdir(parents=True)
    (tmp_path / "sweeps" / "cattle" / "sweep.yaml").touch()
    assert slurm.start().wait(DEADLINE_SECONDS) == 0
    assert slurm.called("steadytune resume cattle --address one:20007")


def test_slurm_interrupts_the_sweep_before_its_time_is_over_and_queues_it_again(slurm: Slurm) -> None:
    process = slurm.start(TENTHS="6000")
    wait_until(lambda: slurm.called("steadytune launch") and catches(process.pid, signal.SIGTERM))
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_SECONDS) == 130
    assert slurm.called("scontrol requeue 7")


def test_a_token_is_made_for_its_owner_alone() -> None:
    """`ray get-auth-token` writes a file that everybody can read, unless the umask forbids it."""
    pages = [path for path in FOLDER.parent.rglob("*") if path.suffix in {".md", ".sh", ".yaml"}]
    lines = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines() if "--generate" in line]
    lines = [line for line in lines if "get-auth-token" in line]
    assert len(lines) >= 2
    assert [line for line in lines if "umask 077" not in line] == []
