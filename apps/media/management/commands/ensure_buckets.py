"""`manage.py ensure_buckets`: both buckets exist, with their CORS rules and their privacy."""

import json
from typing import Any

from botocore.exceptions import ClientError
from django.conf import settings
from django.core.management.base import BaseCommand

from apps.media.storage import client


class Command(BaseCommand):
    help = "Create the two buckets, and set who may do what with them. Safe to run at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        for bucket in (settings.S3_PRIVATE_BUCKET, settings.S3_PUBLIC_BUCKET):
            self._create(bucket)
        self._allow_browsers()
        self._open_public_bucket()
        self.stdout.write(f"Buckets: {settings.S3_PRIVATE_BUCKET} (private), {settings.S3_PUBLIC_BUCKET} (public).")

    def _create(self, bucket: str) -> None:
        try:
            self._s3.create_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise

    def _allow_browsers(self) -> None:
        """Browsers upload straight to the private bucket, by presigned PUT, and read signed URLs from it."""
        origins = settings.CORS_ALLOWED_ORIGINS or ["*"]
        rule: Any = {
            "AllowedMethods": ["PUT", "GET"],
            "AllowedOrigins": origins,
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 3600,
        }
        for bucket in (settings.S3_PRIVATE_BUCKET, settings.S3_PUBLIC_BUCKET):
            self._s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})

    def _open_public_bucket(self) -> None:
        """Anybody may get an object of the public bucket; nobody may list it."""
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{settings.S3_PUBLIC_BUCKET}/*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._s3.put_bucket_policy(Bucket=settings.S3_PUBLIC_BUCKET, Policy=policy)

    @property
    def _s3(self) -> Any:
        return client(settings.S3_ENDPOINT_URL)
