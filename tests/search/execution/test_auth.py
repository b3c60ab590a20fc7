from __future__ import annotations

from pathlib import Path

import pytest

from search.execution.auth import protect_token_file


def test_only_its_owner_can_read_a_token_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "auth_token"
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    protect_token_file()  # there is none
    file.write_text("secret")
    file.chmod(0o644)
    protect_token_file()
    assert file.stat().st_mode & 0o777 == 0o600
