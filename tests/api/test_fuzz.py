"""schemathesis over the whole schema, as nobody and as somebody: no 5xx, no answer that is not described.

FUZZ_EXAMPLES sets the number of requests per operation and caller: few in the suite, more by `make fuzz`.
"""

import os

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks

from config.wsgi import application
from tests.api import openapi
from tests.conftest import Caller
from tests.factories import FollowFactory, PostFactory, UserFactory

load_all_checks()
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
KEPT = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "response_headers_conformance",
    ]
)
pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.timeout(1200)]


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Replaces the `default` responses, which allow every status, by the statuses that the operation can have."""
    for operation in (operation for path in raw_schema["paths"].values() for operation in path.values()):
        default = operation["responses"].pop("default")
        for status in openapi.OPERATIONS[operation["operationId"]].error_codes().keys() - {"405", "500"}:
            operation["responses"].setdefault(status, default)


document = schemathesis.openapi.from_wsgi("/v1/schema?format=json", application)
OPERATIONS = [result.ok() for result in document.exclude(path_regex="^/health").get_all_operations()]
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def _one_connection():
    """As Django's own test client does: a request does not close the connection that holds the test's transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def somebody():
    carol, alice = UserFactory(handle="carol"), UserFactory(handle="alice")
    PostFactory(author=alice)
    FollowFactory(follower=carol, followed=alice)
    return Caller(carol)._credentials["HTTP_AUTHORIZATION"]


@every_operation
def test_anonymous_requests_get_documented_responses_and_no_5xx(operation):
    @BOUNDED
    @given(case=operation.as_strategy())
    def attack(case):
        case.call_and_validate(checks=KEPT)

    attack()


@every_operation
def test_authenticated_requests_get_documented_responses_and_no_5xx(operation, somebody):
    @BOUNDED
    @given(case=operation.as_strategy())
    def attack(case):
        case.call_and_validate(checks=KEPT, headers={"Authorization": somebody})

    attack()
