"""The client of Cloudflare's API: the most careful caller of an API that can only create.

    credentials = Credentials.from_environment(os.environ)
    base_url = resolve_base_url(os.environ, flag)
    network = Network.from_environment(os.environ, base_url)
    limiter = None if is_loopback(base_url) else RateLimiter(1200)
    with AccountClient(account_id, credentials, base_url, limiter=limiter, network=network) as c:
        listing = c.list_finetunes()
        outcome = c.create(attributes)

Importing this is cheap; `requests` is imported when an AccountClient is built.
"""

from reconciler.cloudflare.base_url import DEFAULT_BASE_URL, is_loopback, resolve_base_url
from reconciler.cloudflare.client import AccountClient
from reconciler.cloudflare.credentials import Credentials
from reconciler.cloudflare.exchange import Timeouts
from reconciler.cloudflare.limiter import RateLimiter
from reconciler.cloudflare.network import Network
from reconciler.cloudflare.outcomes import (
    AlreadyThere,
    Ambiguous,
    Answered,
    AssetBody,
    Created,
    CreateOutcome,
    InferenceOutcome,
    NoVerdict,
    Refused,
    Silent,
    Uploaded,
    UploadOutcome,
)

__all__ = [
    "DEFAULT_BASE_URL",
    "AccountClient",
    "AlreadyThere",
    "Ambiguous",
    "Answered",
    "AssetBody",
    "CreateOutcome",
    "Created",
    "Credentials",
    "InferenceOutcome",
    "Network",
    "NoVerdict",
    "RateLimiter",
    "Refused",
    "Silent",
    "Timeouts",
    "UploadOutcome",
    "Uploaded",
    "is_loopback",
    "resolve_base_url",
]
