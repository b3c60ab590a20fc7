"""A Ray cluster of several raylets on this machine, with a job server and a token, until its standard input closes.

`python raylets.py NODES` says where it is, as JSON. Each line of standard input kills something: a number, that node;
`gcs`, `raylet` or `head`, that process of the head or all of them.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys

from ray.cluster_utils import Cluster

STORE_BYTES = 80_000_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    # The agent that starts jobs listens where there is room: at Ray's fixed port another Ray of this machine may be.
    head = {"num_cpus": 0, "include_dashboard": True, "dashboard_port": free_port(), "dashboard_agent_listen_port": 0}
    cluster = Cluster(initialize_head=True, head_node_args={**head, "object_store_memory": STORE_BYTES})
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES) for _ in range(int(sys.argv[1]))]
    print(json.dumps({"address": cluster.address, "jobs": f"http://{cluster.webui_url}"}), flush=True)
    for line in map(str.strip, sys.stdin):
        if line == "gcs":
            cluster.head_node.kill_gcs_server(check_alive=False)
        elif line == "raylet":
            cluster.head_node.kill_raylet(check_alive=False)
        elif line == "head":
            cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        else:
            cluster.remove_node(nodes[int(line)], allow_graceful=False)
        print("killed", flush=True)
    session = cluster.head_node.get_session_dir_path()
    cluster.shutdown()
    shutil.rmtree(session, ignore_errors=True)


if __name__ == "__main__":
    main()
