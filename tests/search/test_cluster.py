from __future__ import annotations

import socket

import pytest

from search.cluster.connection import check_address
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
