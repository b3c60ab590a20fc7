"""Which of MLflow's environment variables count: those that say how to reach a store, not which store or run to use.

A shell, a job system or a notebook may have set variables for another purpose: MLFLOW_TRACKING_URI and
MLFLOW_REGISTRY_URI of another server, MLFLOW_RUN_ID of another run, MLFLOW_ENABLE_ASYNC_LOGGING, settings of a server.
These are removed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

HEEDED = re.compile(
    "MLFLOW_("
    "TRACKING_(USERNAME|PASSWORD|TOKEN|AUTH|INSECURE_TLS|SERVER_CERT_PATH|CLIENT_CERT_PATH|AWS_SIGV4)"
    "|S3_.*|BOTO_.*|GCS_.*|AZURE_.*|HTTP_REQUEST_.*|HTTP_POOL_.*|ALLOW_HTTP_REDIRECTS"
    "|ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT|.*MULTIPART.*|SQLALCHEMYSTORE_.*|DISABLE_TELEMETRY|SUPPRESS_PRINTING_URL_TO_STDOUT"
    ")"
)
"""Credentials, certificates, addresses of storage, timeouts."""


def ignored(environment: Mapping[str, str]) -> list[str]:
    """The names of the variables in `environment` that MLflow would read but a sweep ignores."""
    return [name for name in environment if name.startswith("MLFLOW_") and not HEEDED.fullmatch(name)]


def without_ignored(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without the ignored variables."""
    return {name: value for name, value in environment.items() if name not in ignored(environment)}
