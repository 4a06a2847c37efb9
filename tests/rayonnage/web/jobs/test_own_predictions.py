"""The predictions of a job: whoever asks for them by its ID, its owner alone gets them."""

from __future__ import annotations

import shutil
import time

import pytest
from starlette.testclient import TestClient

from rayonnage.web.app import create_app
from rayonnage.web.jobs.contents import TITLES_ALONE
from rayonnage.web.jobs.record import PREDICTIONS, JobRecord, JobState
from rayonnage.web.security.tokens import TokenFile
from rayonnage.web.settings import ServerSettings
from tests.support.predictions import predicted
from tests.support.small_shop import coloured, make_shop

JOB = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TestClient]:
    """Of the job's owner and of somebody else, who has a token, too."""
    folder = tmp_path_factory.mktemp("shop")
    photo = coloured((200, 0, 0), (40, 40))
    workspace = make_shop(folder, [predicted(i, 1000, "review", 1.0) for i in range(3)], {i: [photo] for i in range(3)})
    job = workspace / "jobs" / JOB
    shutil.copytree(folder / "predictions", job / PREDICTIONS)
    JobRecord(JOB, "owner", "a.zip", 1, time.time(), JobState.DONE, ended=time.time()).save(job)
    tokens = TokenFile(folder / "tokens.tsv")
    secrets = {name: tokens.add(name) for name in ("owner", "else")}
    app = create_app(ServerSettings(workspace, host="0.0.0.0", tokens=tokens.path))
    return {
        name: TestClient(app, base_url="http://localhost", headers={"authorization": f"Bearer {secret}"})
        for name, secret in secrets.items()
    }


@pytest.mark.parametrize(
    "path",
    [
        "/browse", "/browse/products/1", "/photos/1/1", "/v1/products/1", "/v1/review", "/v1/review/groups", "/v1/tree",
        "/v1/tree/search?q=a",
    ],
)  # fmt: skip
def test_the_owner_alone_opens_them(clients: dict[str, TestClient], path: str):
    address = f"{path}{'&' if '?' in path else '?'}predictions=jobs/{JOB}"
    assert clients["owner"].get(address).status_code == 200
    assert clients["else"].get(address).status_code == 404
    # everybody sees those of the workspace
    assert clients["else"].get(path).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("next", {"count": 1}), ("answers", {"product_id": 1, "kind": "accept"}), ("undo", {}),
        ("grid", {"category_id": 1000}), ("bulk", {"category_id": 1000}), ("release", {"held": [1]}),
    ],
)  # fmt: skip
def test_nobody_else_answers(clients: dict[str, TestClient], path: str, body: dict[str, object]):
    answer = clients["else"].post(f"/v1/review/{path}?predictions=jobs/{JOB}", json=body)
    assert answer.status_code == 404, answer.text
    assert "no job" in answer.json()["detail"]


def test_the_picture_of_why(clients: dict[str, TestClient]):
    address = f"/browse/explanations/1?predictions=jobs/{JOB}"
    assert clients["else"].get(address).status_code == 404
    # no model answers here
    assert clients["owner"].get(address).status_code == 503


def test_what_went_wrong_is_told_in_the_pages_language(clients: dict[str, TestClient]):
    app = clients["owner"].app
    store = app.state.services.jobs.store
    times = {"created": time.time(), "ended": time.time()}
    failed = JobRecord("f" * 32, "owner", "b.csv", 1, state=JobState.FAILED, error=TITLES_ALONE, **times)
    done = JobRecord("d" * 32, "owner", "c.zip", 1, state=JobState.DONE, problems={"NO_PHOTO": 1234}, **times)
    for job in (failed, done):
        store.path(job.job_id).mkdir()
        job.save(store.path(job.job_id))
    shown = clients["owner"].get("/jobs", headers={"accept-language": "fr"}).text
    assert "Ce tableau est arrivé sans photo" in shown
    assert "1\N{NO-BREAK SPACE}234 × produit sans photo" in shown
    assert 'lang="en"' not in shown.partition("<main")[2]
