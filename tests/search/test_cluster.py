from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from fakes import spec_of

from search.cluster import connection as cluster
from search.cluster.connection import check_address, connected
from trainables.errors import SettingsError


def test_an_address_where_nothing_listens_is_refused_at_once() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(SettingsError, match=f"address is 127.0.0.1:{port}; nothing answers there .*ray start --head"):
        check_address(f"127.0.0.1:{port}")


def test_an_address_where_something_listens_passes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_address(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize("address", ["auto", "ray://head:10001", "local"])
def test_what_is_no_host_and_port_is_left_to_ray(address: str) -> None:
    check_address(address)


def test_a_machine_too_busy_to_start_ray_in_time_is_one_sentence(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_busy(**_: Any) -> None:
        raise Exception("The current node timed out during startup. This could happen because\nof many things.")

    monkeypatch.setattr(cluster.ray, "init", too_busy)
    said = r"Ray did not start here \(.*timed out during startup.*\); try again: `steadytune resume sweep`$"
    with pytest.raises(SettingsError, match=said), connected(spec_of(data), tmp_path, print):
        raise AssertionError("not reached")
