"""What registered models take and answer: the same in Python and over HTTP."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow.exceptions import MlflowException

from search.tracking.predictor import Model
from search.tracking.served import described
from tests.support import REPOSITORY
from tests.support.mlflow_store import private_store
from tests.support.team_server import free_port
from tests.support.waiting import wait_until
from trainables import registry
from trainables.vision.image_input import rgb


def encoded(file: Path) -> dict[str, str]:
    return {"image": base64.b64encode(file.read_bytes()).decode()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    from PIL import Image

    Image.new("RGB", (20, 10), "red").save(tmp_path / "red.png")
    return tmp_path / "red.png"


def sizes(images: Any) -> list[dict[str, Any]]:
    """A predictor that says what it was given."""
    return [{"pixels": rgb(image).shape, "red": int(rgb(image)[0, 0, 0])} for image in images]


def test_a_picture_may_be_a_path_an_array_or_base64(file: Path) -> None:
    answers = Model(sizes).predict([str(file), np.full((10, 20, 3), 255, np.uint8), encoded(file)])
    assert answers == [{"pixels": (10, 20, 3), "red": 255}] * 3


def test_pictures_inside_an_input_may_be_base64_too(file: Path) -> None:
    seen: list[Any] = []
    model = Model(lambda given: seen.extend(given) or [{} for _ in given])  # type: ignore[func-returns-value]
    model.predict([{"frame": encoded(file), "references": [encoded(file), "other.png"]}, [encoded(file), "warm.png"]])
    assert [sorted(seen[0]), seen[0]["references"][1], seen[1][1]] == [["frame", "references"], "other.png", "warm.png"]
    assert len({seen[0]["frame"], seen[0]["references"][0], seen[1][0]}) == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"image": "no base64!"}, "image is 'no base64!'; it must be the bytes of an image file in base64"),
        ({"image": 7}, "image is '7'; it must be"),
        ({"image": base64.b64encode(b"no picture").decode()}, "^image 1: cannot be decoded"),
        ({"picture": "cow.jpg"}, "a picture is .*cow.jpg.*; it must be an array or the path of a file"),
        (None, "a picture is 'None'"),
        ("no-such.jpg", "no-such.jpg: "),
        ([[[0, 0, 0]]], "a picture is .*; it must be an array or the path of a file"),
    ],
)
def test_what_is_no_picture_is_one_sentence_and_a_bad_request(given: Any, words: str) -> None:
    with pytest.raises(MlflowException, match=words) as caught:
        Model(sizes).predict([given])
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"  # HTTP 400


@pytest.mark.parametrize("name", ["resnet_yolo", "rgbt", "refdet", "slowfast", "yolox", "ultralytics"])
def test_each_recipes_model_has_a_signature_and_an_example_that_is_json(name: str) -> None:
    model, example = described(registry.find(name))
    assert model is not None
    assert example is not None
    assert json.loads(json.dumps(example)) == example
    assert "inputs" in model.to_dict()["signature"]


def test_a_recipe_without_a_predictor_has_neither() -> None:
    assert described(registry.find("tests.support.fakes:Curves")) == (None, None)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with private_store(tmp_path_factory.mktemp("store")) as uri:
        yield uri


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A held-out picture of the data that `champion` was trained on."""
    from trainables.samples.digits import write_yolo

    data = write_yolo(tmp_path_factory.mktemp("digits"), train=8, val=4, size=64)
    return min((data.parent / "images" / "val").iterdir())


@pytest.fixture(scope="module")
def champion(store: str, picture: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of a registered detector that was trained for an epoch."""
    from mlflow.tracking import MlflowClient

    from search.tracking.champion import register

    recipe, best = registry.find("resnet_yolo"), tmp_path_factory.mktemp("best")
    small = {"epochs": 1, "image_size": 64, "widths": [8, 8, 16, 16], "neck_channels": 8}
    settings = recipe.settings("tiny", small)
    data = picture.parents[2] / "data.yaml"
    epoch = next(recipe.train(settings, recipe.open(data), best))
    (best / "checkpoint").mkdir()
    epoch.save(best / "checkpoint")
    recipe.export(settings, best)
    about = {"recipe": recipe.name, "data": str(data), "trial": 0, "metric": recipe.metric, "environment": {}}
    (best / "about.json").write_text(json.dumps(about))
    client = MlflowClient(store)
    experiment = client.create_experiment("served", artifact_location=tmp_path_factory.mktemp("files").as_uri())
    run = client.create_run(experiment).info.run_id
    sentence = register(client, run, "sweep", best, {"mean": 0.5}, "max", "digits")
    assert sentence == "resnet_yolo-digits version 1 is the champion"
    return "models:/resnet_yolo-digits@champion"


@pytest.fixture(scope="module")
def server(champion: str) -> Iterator[str]:
    """`mlflow models serve`, until it answers."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", champion, "-p", str(port)]
    command += ["--env-manager", "local"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # MLflow calls uvicorn by its name
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PATH": path}
    process = subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, "the server has ended"
        with suppress(OSError), urllib.request.urlopen(f"{address}/ping", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    try:
        wait_until(answers)
        yield f"{address}/invocations"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def asked(server: str, body: Any) -> tuple[int, dict[str, Any]]:
    """Status and answer of a request."""
    request = urllib.request.Request(server, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.e2e
def test_a_champion_is_served_and_answers_as_in_python(champion: str, server: str, picture: Path) -> None:
    import mlflow.pyfunc

    model = mlflow.pyfunc.load_model(champion)
    assert model.metadata.signature is not None
    (expected,) = model.predict([str(picture)])
    assert len(expected["boxes"])
    status, answer = asked(server, {"inputs": [str(picture), encoded(picture)]})
    assert status == 200
    by_path, by_content = answer["predictions"]
    assert by_path == by_content
    assert by_path["labels"] == expected["labels"]
    assert np.allclose(by_path["boxes"], expected["boxes"], atol=1e-3)

    example = model.input_example
    assert asked(server, {"inputs": example})[0] == 200
    assert len(model.predict(example)) == 1

    bad = [
        ("no-such.jpg: ", {"inputs": ["no-such.jpg"]}),
        ("image 1: cannot be decoded", {"inputs": [{"image": base64.b64encode(b"no picture").decode()}]}),
        ("it must be the bytes of an image file in base64", {"inputs": [{"image": "!"}]}),
        ("predict takes a list of images", {"inputs": 7}),
        ("'inputs' key", {"dataframe_records": [{"image": "!"}]}),
        ("'inputs' key", {"pictures": [str(picture)]}),
    ]
    for words, body in bad:
        status, answer = asked(server, body)
        assert status == 400, words
        assert words in answer["message"]
        assert "stack_trace" not in answer
