"""Object storage, for states and for adapters: how a bucket is opened, and what its errors mean.

The text of an error may quote settings or key ids; nothing of it is ever shown but its code.
"""

from reconciler.buckets.errors import (
    Kind,
    Trouble,
    code_of,
    explain,
    is_missing_bucket,
    may_be_done,
    may_pass,
    status_of,
)
from reconciler.buckets.opening import Bucket, Client, open_bucket, why_not_open
from reconciler.buckets.panics import panics_told

__all__ = [
    "Bucket",
    "Client",
    "Kind",
    "Trouble",
    "code_of",
    "explain",
    "is_missing_bucket",
    "may_be_done",
    "may_pass",
    "open_bucket",
    "panics_told",
    "status_of",
    "why_not_open",
]
