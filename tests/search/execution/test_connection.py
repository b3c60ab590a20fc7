from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import ray

from search.execution.connection import check_address, connected
from tests.support.fakes import spec_of
from trainables.errors import SettingsError


def test_an_address_where_nothing_listens_is_refused_at_once() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(SettingsError, match=f"address is 127.0.0.1:{port}; nothing answers there .*ray start --head"):
        check_address(f"127.0.0.1:{port}")


def test_an_address_where_something_listens_is_accepted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_address(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize("address", ["auto", "ray://head:10001", "local"])
def test_what_is_no_host_and_port_is_accepted_and_left_to_ray(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize("error", [Exception("The current node timed out during startup.\nMore."), RuntimeError()])
def test_a_ray_that_does_not_come_up_is_one_sentence(
    data: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """On a busy machine; Ray raises a bare Exception then."""

    def late(**options: object) -> None:
        raise error

    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(ray, "init", late)
    first_line = str(error).splitlines()[0] if str(error) else "RuntimeError"
    with pytest.raises(SettingsError) as caught, connected(spec_of(data), data, lambda message: None):
        pass
    assert str(caught.value) == f"Ray did not start here ({first_line})"
