"""MLflow's variables of another purpose are not heeded; those that say how to reach the sweep's store are."""

from __future__ import annotations

from search.tracking.mlflow_environment import ignored, without_ignored

OTHER = {
    "MLFLOW_TRACKING_URI": "http://dead.example:5000",
    "MLFLOW_REGISTRY_URI": "databricks-uc",
    "MLFLOW_RUN_ID": "0123456789abcdef",  # of a job of Databricks or SageMaker
    "MLFLOW_EXPERIMENT_ID": "7",
    "MLFLOW_EXPERIMENT_NAME": "other",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "true",  # what is refused would be lost without a word
    "MLFLOW_BACKEND_STORE_URI": "sqlite:///other.db",  # of a server
    "MLFLOW_STATIC_PREFIX": "/mlflow",
    "MLFLOW_HOST": "0.0.0.0",
}
OURS = {
    "MLFLOW_TRACKING_USERNAME": "me",
    "MLFLOW_TRACKING_PASSWORD": "secret",
    "MLFLOW_TRACKING_TOKEN": "secret",
    "MLFLOW_TRACKING_INSECURE_TLS": "true",
    "MLFLOW_TRACKING_SERVER_CERT_PATH": "/ca.pem",
    "MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9000",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HOME": "/home/me",
}


def test_only_how_to_reach_the_store_is_heeded() -> None:
    assert set(ignored(OTHER | OURS)) == set(OTHER)
    assert without_ignored(OTHER | OURS) == OURS
