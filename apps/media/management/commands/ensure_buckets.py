"""`manage.py ensure_buckets`: create both buckets and set their CORS rules and access policies."""

import json
from collections.abc import Callable
from typing import Any

import structlog
from botocore.exceptions import ClientError
from django.conf import settings
from django.core.management.base import BaseCommand

from apps.media import storage

log = structlog.get_logger(__name__)
# S3 refuses this region, its default, in a location constraint.
DEFAULT_REGION = "us-east-1"


class Command(BaseCommand):
    help = "Create the two buckets and set their CORS rules and access policies. Safe to run at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        for bucket in (settings.S3_PRIVATE_BUCKET, settings.S3_PUBLIC_BUCKET):
            self._create(bucket)
        self._allow_browsers()
        self._make_private(settings.S3_PRIVATE_BUCKET)
        self._make_public(settings.S3_PUBLIC_BUCKET)
        self.stdout.write(f"Buckets: {settings.S3_PRIVATE_BUCKET} (private), {settings.S3_PUBLIC_BUCKET} (public).")

    def _create(self, bucket: str) -> None:
        if self._exists(bucket):
            return
        named = settings.S3_REGION != DEFAULT_REGION
        place: Any = {"CreateBucketConfiguration": {"LocationConstraint": settings.S3_REGION}} if named else {}
        try:
            self._s3.create_bucket(Bucket=bucket, **place)
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise

    def _exists(self, bucket: str) -> bool:
        try:
            self._s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchBucket"}:
                return False
            raise
        return True

    def _allow_browsers(self) -> None:
        """Browsers PUT to the private bucket, and read photos from both."""
        for bucket, methods in ((settings.S3_PRIVATE_BUCKET, ["PUT", "GET"]), (settings.S3_PUBLIC_BUCKET, ["GET"])):
            rule: Any = {
                "AllowedMethods": methods,
                "AllowedOrigins": storage.upload_origins() or ["*"],
                "AllowedHeaders": ["*"],
                "ExposeHeaders": ["ETag"],
                "MaxAgeSeconds": 3600,
            }
            self._s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})

    def _make_private(self, bucket: str) -> None:
        """No read without a signature, even if a later policy or object ACL would allow it."""
        self._block(bucket, policies=True)

    def _make_public(self, bucket: str) -> None:
        """Anybody may get an object; nobody may list the bucket."""
        self._block(bucket, policies=False)
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._if_supported(lambda: self._s3.put_bucket_policy(Bucket=bucket, Policy=policy), "bucket policy", bucket)

    def _block(self, bucket: str, *, policies: bool) -> None:
        rules: Any = {
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": policies,
            "RestrictPublicBuckets": policies,
        }
        self._if_supported(
            lambda: self._s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=rules),
            "public access block",
            bucket,
        )

    @staticmethod
    def _if_supported(call: Callable[[], Any], feature: str, bucket: str) -> None:
        """Not every S3 server has the feature; the others control access by their own configuration."""
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"NotImplemented", "MethodNotAllowed"}:
                raise
            log.info("storage_feature_unsupported", feature=feature, bucket=bucket)

    @property
    def _s3(self) -> Any:
        return storage.client()
