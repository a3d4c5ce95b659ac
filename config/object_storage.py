"""The buckets of object storage, for `STORAGES`."""

import threading
from functools import cache, cached_property
from typing import Any

import boto3.session
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from storages.backends.s3 import S3Storage

# boto3 creates a client of a session in one thread at a time.
_creating = threading.Lock()


class ObjectStorage(S3Storage):  # type: ignore[misc]  # django-storages carries no types
    """A bucket of an S3 server. Requests are not retried: an API request answers 503, and a job is repeated later.

    `connect_timeout` and `read_timeout` are in seconds. The settings name these numbers, not botocore's objects, so
    that only processes that use a bucket import boto3.
    """

    def __init__(self, *, connect_timeout: float = 2.0, read_timeout: float = 10.0, **options: Any) -> None:
        client_config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        # Large files are sent part by part, so that a worker needs little memory.
        transfer_config = TransferConfig(
            multipart_threshold=16 * 1024**2, multipart_chunksize=16 * 1024**2, use_threads=False
        )
        super().__init__(client_config=client_config, transfer_config=transfer_config, **options)

    @cached_property
    def connection(self) -> Any:
        """The boto3 resource of S3, for all threads. The class above has one session for each storage and thread, and
        each session loads the description of S3 into 13 MB."""
        with _creating:
            return _session(self.access_key, self.secret_key).resource(
                "s3", region_name=self.region_name, endpoint_url=self.endpoint_url, config=self.client_config
            )


@cache
def _session(access_key: str, secret_key: str) -> boto3.session.Session:
    """Without AWS_SESSION_TOKEN of the environment, which would belong to other credentials."""
    return boto3.session.Session(aws_access_key_id=access_key, aws_secret_access_key=secret_key)
