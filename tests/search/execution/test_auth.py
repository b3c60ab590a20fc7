from __future__ import annotations

from pathlib import Path

import pytest

from search.execution.auth import own_token, protect_token_file


def test_only_its_owner_can_read_a_token_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "auth_token"
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    protect_token_file()  # there is none
    file.write_text("secret")
    file.chmod(0o644)
    protect_token_file()
    assert file.stat().st_mode & 0o777 == 0o600


def test_where_the_home_cannot_be_written_ray_gets_a_token_that_is_deleted_afterwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "/proc/nobody")
    environment: dict[str, str] = {}
    with own_token(environment):
        file = Path(environment["RAY_AUTH_TOKEN_PATH"])
        assert len(file.read_text()) == 64
        assert file.parent.stat().st_mode & 0o077 == 0
    assert not file.exists()
    assert environment == {}
    with own_token(given := {"RAY_AUTH_TOKEN": "mine"}):
        assert given == {"RAY_AUTH_TOKEN": "mine"}
    monkeypatch.setenv("HOME", str(tmp_path))
    with own_token(environment):
        assert environment == {}
