"""A bucket opened at the host of its cloud, or at the one that the environment names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from reconciler.buckets.aws_profile import ProfileError, profile_settings
from reconciler.buckets.google_file import check_google_credentials
from reconciler.buckets.panics import panics_told
from reconciler.buckets.variables import LOOPBACK, check_variables, forget_empty, set_variables

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

Client: TypeAlias = AzureStore | GCSStore | S3Store

_NO_RETRIES: RetryConfig = {"max_retries": 0}
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "r2": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
"""The first that is set counts."""
_S3_HINT = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, AWS_REGION); "
    'from a profile: eval "$(aws configure export-credentials --format env)"'
)
_HINTS = {
    "s3": _S3_HINT,
    "r2": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an R2 API token's key pair.",
    "gs": "Set GOOGLE_APPLICATION_CREDENTIALS, or run: gcloud auth application-default login",
    "az": "Set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or AZURE_CLIENT_ID, "
    "AZURE_TENANT_ID and AZURE_CLIENT_SECRET.",
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket or container. scheme: s3, r2, gs or az. endpoint: "" for the service's own."""

    scheme: str
    name: str
    endpoint: str = ""

    @property
    def credentials_hint(self) -> str:
        """Which variables hold the credentials."""
        return _HINTS[self.scheme]


def open_bucket(bucket: Bucket, *, connect: int, total: int) -> Client:
    """Open a bucket; nothing is sent yet. connect, total: seconds that a request may take.

    obstore's own retries are off: what may be done twice is for the caller to know. Raises
    DiagnosticError (R213) for what is malformed in the environment; BaseError or ValueError
    where its settings do not go together, and `why_not_open` says what of that may be shown.
    """
    forget_empty(bucket.scheme, os.environ)
    check_variables(bucket.scheme, os.environ)
    names = _ENDPOINTS[bucket.scheme]
    endpoint = next((os.environ[name] for name in names if name in os.environ), "")
    options: ClientConfig = {"connect_timeout": f"{connect}s", "timeout": f"{total}s"}
    # Only a server on this machine may do without TLS.
    if urlsplit(endpoint).hostname in LOOPBACK:
        options["allow_http"] = True
    with panics_told(bucket.scheme):
        return _open(bucket, endpoint, options)


def _open(bucket: Bucket, endpoint: str, options: ClientConfig) -> Client:
    if bucket.scheme == "gs":
        try:
            return GCSStore(bucket.name, client_options=options, retry_config=_NO_RETRIES)
        except BaseError:
            check_google_credentials(os.environ)
            raise
    if bucket.scheme == "az":
        return AzureStore(bucket.name, client_options=options, retry_config=_NO_RETRIES)
    config = cast("S3Config", profile_settings(os.environ))
    # Not for the environment to turn off: a state's safety rests on it.
    config["conditional_put"] = "etag"

    if bucket.scheme == "r2":
        config |= {"endpoint": endpoint or bucket.endpoint, "region": "auto"}
    return S3Store(bucket.name, config=config, client_options=options, retry_config=_NO_RETRIES)


def why_not_open(error: Exception, bucket: Bucket) -> tuple[str, str]:
    """Say why a bucket could not be opened, and what to do.

    The texts of other errors may quote settings, and so a credential.
    """
    if isinstance(error, ProfileError):
        return str(error), bucket.credentials_hint
    if bucket.scheme == "az" and "AZURE_STORAGE_ACCOUNT_NAME" not in os.environ:
        return "no storage account is named", bucket.credentials_hint
    names = ", ".join(set_variables(bucket.scheme, os.environ)) or "none"
    what = f"the settings in the environment do not go together (set are: {names})"
    return what, "Correct or unset the one that is wrong."
