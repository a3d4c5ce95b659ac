"""`manage.py ensure_buckets`: both buckets exist, with their CORS rules and their privacy."""

import json
from collections.abc import Callable
from typing import Any

import structlog
from botocore.exceptions import ClientError
from django.conf import settings
from django.core.management.base import BaseCommand

from apps.media import storage

log = structlog.get_logger(__name__)
# The region that a location constraint may not name.
UNNAMED_REGION = "us-east-1"


class Command(BaseCommand):
    help = "Create the two buckets, and set who may do what with them. Safe to run at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        for bucket in (settings.S3_PRIVATE_BUCKET, settings.S3_PUBLIC_BUCKET):
            self._create(bucket)
        self._let_browsers_in()
        self._close(settings.S3_PRIVATE_BUCKET)
        self._open(settings.S3_PUBLIC_BUCKET)
        self.stdout.write(f"Buckets: {settings.S3_PRIVATE_BUCKET} (private), {settings.S3_PUBLIC_BUCKET} (public).")

    def _create(self, bucket: str) -> None:
        if self._exists(bucket):
            return
        named = settings.S3_REGION != UNNAMED_REGION
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

    def _let_browsers_in(self) -> None:
        """Browsers PUT straight to the private bucket, and read photographs from both."""
        for bucket, methods in ((settings.S3_PRIVATE_BUCKET, ["PUT", "GET"]), (settings.S3_PUBLIC_BUCKET, ["GET"])):
            rule: Any = {
                "AllowedMethods": methods,
                "AllowedOrigins": settings.CORS_ALLOWED_ORIGINS or ["*"],
                "AllowedHeaders": ["*"],
                "ExposeHeaders": ["ETag"],
                "MaxAgeSeconds": 3600,
            }
            self._s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})

    def _close(self, bucket: str) -> None:
        """Nobody reads without a signature, whatever a policy or an object's own list may say one day."""
        self._block(bucket, policies=True)

    def _open(self, bucket: str) -> None:
        """Anybody may get an object; nobody may list them."""
        self._block(bucket, policies=False)
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._where_known(lambda: self._s3.put_bucket_policy(Bucket=bucket, Policy=policy), "bucket policy", bucket)

    def _block(self, bucket: str, *, policies: bool) -> None:
        rules: Any = {
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": policies,
            "RestrictPublicBuckets": policies,
        }
        self._where_known(
            lambda: self._s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=rules),
            "public access block",
            bucket,
        )

    @staticmethod
    def _where_known(call: Callable[[], Any], feature: str, bucket: str) -> None:
        """Not every S3 server knows it; such a one says by its own configuration who may read what."""
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"NotImplemented", "MethodNotAllowed"}:
                raise
            log.info("storage_feature_unknown", feature=feature, bucket=bucket)

    @property
    def _s3(self) -> Any:
        return storage.client()
