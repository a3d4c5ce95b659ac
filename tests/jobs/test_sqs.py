"""Tasks over SQS, with the protocol of a real server (moto)."""

import boto3
import pytest
from moto.server import ThreadedMotoServer

from apps.core.models import DeadLetter, QueuedTask
from config.queues import QUEUES
from tests.jobs.harness import Harness, attempts, own_database
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("harness"), pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def sqs():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def harness(sqs, django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock(), own_database() as database:
        harness = Harness(
            tmp_path_factory.mktemp("sqs"),
            database,
            CELERY_BROKER_URL=f"sqs://key:secret@{sqs}",
            CELERY_QUEUE_PREFIX="ours-",
            CELERY_SQS_TLS="off",
            CELERY_SQS_REGION="eu-west-1",
        )
        try:
            harness.manage("ensure_queues")
            harness.start("worker")
            harness.start("relay")
            yield harness
        finally:
            harness.stop()


def test_tasks_run_once_over_sqs_and_failing_ones_become_dead_letters(harness):
    steady, failing = [harness.enqueue("succeeding") for _ in range(5)], harness.enqueue("failing")
    eventually(lambda: all(attempts(path) for path in steady))
    eventually(lambda: DeadLetter.objects.exists(), seconds=120)
    eventually(lambda: not QueuedTask.objects.exists())
    assert [attempts(path) for path in steady] == [1] * 5
    assert attempts(failing) == 5


def test_each_queue_has_its_visibility_timeout(harness, sqs):
    client = boto3.client(
        "sqs",
        endpoint_url=f"http://{sqs}",
        region_name="eu-west-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    hidden = {
        url.rsplit("/", 1)[1]: client.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        for url in client.list_queues()["QueueUrls"]
    }
    assert {name: int(answer["Attributes"]["VisibilityTimeout"]) for name, answer in hidden.items()} == {
        f"ours-{name}": kind.invisible for name, kind in QUEUES.items()
    }
