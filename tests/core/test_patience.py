"""When a request counts as arrived, and so may take a thread (promise A10)."""

import pytest

from config.patience import MOST_BODY, MOST_HEAD, awaits_leave, is_whole

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 4\r\n\r\n{  }"
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n0\r\n\r\r\n2\r\n{}\r\n0\r\n\r\n"


@pytest.mark.parametrize("request_", [GET, POST, CHUNKED])
def test_a10_a_request_is_whole_at_its_last_byte_and_no_sooner(request_: bytes) -> None:
    assert [is_whole(request_[:length]) for length in range(len(request_))] == [False] * len(request_)
    assert is_whole(request_)
    assert is_whole(request_ + GET)


@pytest.mark.parametrize(
    "refused",
    [
        b"G" * (MOST_HEAD + 1),
        b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MOST_BODY + 1),
        b"POST / HTTP/1.1\r\nContent-Length: -4\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-4\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n" + b"a" * (MOST_BODY + 1),
    ],
)
def test_a10_what_will_be_refused_is_not_waited_for(refused: bytes) -> None:
    assert is_whole(refused)


def test_a_client_that_asks_for_leave_is_given_it_before_its_body() -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    assert awaits_leave(head)
    assert not awaits_leave(head[:-2])
    assert not awaits_leave(head + b"{")
    assert not awaits_leave(POST)
