"""The files of `mlflow/`, from which a team's server starts; `tests/sweeps/test_team_server.py` starts it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.programs import DOCKER_COMPOSE

pytestmark = pytest.mark.e2e
FOLDER = Path(__file__).parent.parent / "mlflow"
COMPOSE = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
SECRETS = dict.fromkeys(re.findall(r"\$\{(\w+)", COMPOSE), "secret")


def composed(**secrets: str) -> subprocess.CompletedProcess[str]:
    """What docker-compose makes of the file, without a container."""
    command = [str(DOCKER_COMPOSE.require()), "--file", str(FOLDER / "compose.yaml"), "config"]
    environment = {"PATH": os.environ["PATH"], **secrets}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_docker_compose_accepts_the_file_and_keeps_the_server_on_loopback() -> None:
    done = composed(**SECRETS)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert services["mlflow"]["ports"] == ["127.0.0.1:5000:5000/tcp"]
    assert "ports" not in services["database"]
    assert services["mlflow"]["environment"]["MLFLOW_AUTH_ADMIN_PASSWORD"] == "secret"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_is_missing_is_asked_for_and_the_page_names_it(name: str) -> None:
    assert f"`{name}`" in (FOLDER / "README.md").read_text(encoding="utf-8")
    done = composed(**{other: value for other, value in SECRETS.items() if other != name})
    assert done.returncode != 0
    assert "set it in .env" in done.stderr


def test_what_the_containers_are_given_is_there() -> None:
    mounted = re.findall(r"- (\./\S+?):", COMPOSE)
    assert mounted
    assert all((FOLDER / path).is_file() for path in mounted)


def test_no_secret_is_on_a_command_line() -> None:
    """Every user of a machine can list command lines."""
    for service in yaml.safe_load(COMPOSE)["services"].values():
        words = [str(service.get(key, "")) for key in ("command", "entrypoint", "healthcheck")]
        assert not any(secret in word for secret in SECRETS for word in words)
