"""A Ceph cluster on loopback whose object gateway speaks S3: the real programs, as small as they go.

A monitor, one object store in memory and the gateway (`radosgw`). Only the gateway is killed and started again: what it
has accepted is with the other two.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
import uuid
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from pyarrow import fs

KEY, SECRET, BUCKET = "steadykey", "steady+secret/of=this:test", "bucket"

CONFIGURATION = """
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon data avail crit = 1
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 1073741824
paxos propose interval = 0.05
paxos min wait = 0.01
run dir = {folder}
admin socket =
log file = {folder}/$name.log
mon cluster log file = {folder}/cluster.log
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw thread pool size = 32
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class S3Server:
    """Runs from `start` to `close`; `uri` is that of a bucket that is there."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="s3-"))
        self.port = free_port()
        self._at = f"http://127.0.0.1:{self.port}"
        self._fsid = str(uuid.uuid4())
        self._monitor = free_port()
        configuration = {"fsid": self._fsid, "monitor": self._monitor, "gateway": self.port, "folder": self._folder}
        (self._folder / "ceph.conf").write_text(CONFIGURATION.format(**configuration))
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def uri(self) -> str:
        """The bucket's, without credentials."""
        return f"s3://{BUCKET}/sweeps?endpoint_override={quote(self._at, safe='')}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs."""
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}

    def start(self) -> None:
        """The whole cluster, with a user and a bucket of theirs; seconds."""
        upload_id = str(uuid.uuid4())
        for name in ("mon", "osd"):
            (self._folder / name).mkdir()
        self._do("monmaptool", "--create", "--addv", "a", f"v2:127.0.0.1:{self._monitor}", "--fsid", self._fsid, "map")
        self._do("ceph-mon", "-i", "a", "--mkfs", "--monmap", "map")
        self._run("monitor", "ceph-mon", "-i", "a", "-f")
        self._do("ceph", "osd", "new", upload_id)
        self._do("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", upload_id)
        self._run("store", "ceph-osd", "-i", "0", "-f")
        user = ["--uid=steady", "--display-name=steady", f"--access-key={KEY}", f"--secret-key={SECRET}"]
        self._do("radosgw-admin", "user", "create", *user)
        self.start_gateway()
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
        files = fs.S3FileSystem(
            access_key=KEY, secret_key=SECRET, endpoint_override=self._at, allow_bucket_creation=True
        )
        files.create_dir(BUCKET)

    def start_gateway(self) -> None:
        """Returns when it answers."""
        # The gateway insists on encryption to the monitor, which needs keys, unless its command line says otherwise.
        self._run("gateway", "radosgw", "-n", "client.admin", "-f", "--ms-mon-client-mode", "crc")
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(self._at, timeout=5):
                return
            time.sleep(0.1)
        raise AssertionError((self._folder / "gateway.out").read_text()[-2000:])

    def kill_gateway(self) -> None:
        """`kill -9`: from now on nothing answers."""
        process = self._running.pop("gateway")
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        return os.environ | {"CEPH_CONF": str(self._folder / "ceph.conf")}

    def _do(self, *words: str) -> None:
        done = subprocess.run(
            words, cwd=self._folder, env=self._environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"

    def _run(self, name: str, *words: str) -> None:
        with (self._folder / f"{name}.out").open("ab") as out:
            self._running[name] = subprocess.Popen(
                words, cwd=self._folder, env=self._environment(), stdout=out, stderr=out, start_new_session=True
            )
