"""The whole way of a task over an SQS server: a real wire protocol, spoken by relay and worker."""

import boto3
import pytest
from moto.server import ThreadedMotoServer

from apps.core.models import DeadLetter, QueuedTask
from config.queues import QUEUES
from tests.jobs.workshop import Workshop, own_database, tries
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workshop"), pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def sqs():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def shop(sqs, django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock(), own_database() as database:
        shop = Workshop(
            tmp_path_factory.mktemp("sqs"),
            database,
            CELERY_BROKER_URL=f"sqs://key:secret@{sqs}",
            CELERY_QUEUE_PREFIX="ours-",
            CELERY_SQS_TLS="off",
            CELERY_SQS_REGION="eu-west-1",
        )
        try:
            shop.manage("ensure_queues")
            shop.start("worker")
            shop.start("relay")
            yield shop
        finally:
            shop.stop()


def test_tasks_are_done_once_and_poison_is_a_dead_letter(shop):
    steady, failing = [shop.order("steady") for _ in range(5)], shop.order("failing")
    eventually(lambda: all(tries(path) for path in steady))
    eventually(lambda: DeadLetter.objects.exists(), seconds=120)
    eventually(lambda: not QueuedTask.objects.exists())
    assert [tries(path) for path in steady] == [1] * 5
    assert tries(failing) == 5


def test_each_kind_of_work_has_its_queue_with_its_own_timeout(shop, sqs):
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
