"""What can be set about the emulated account."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reupload(Enum):
    """What uploading an asset that is already there does; Cloudflare does not document it."""

    REFUSE = "refuse"
    ACCEPT_IDENTICAL = "accept-identical"


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """The emulated account, its limits, and the behaviours that Cloudflare leaves undocumented.

    account_id, token, email, api_key: the one account, and the credentials it accepts.
    latency: seconds before every request is carried out.
    quota: the most finetunes in the account. max_adapter_bytes: the most bytes of one asset.
    unique_names: whether a second finetune of the same name is refused.
    list_lag: how many lists a new finetune misses before it shows up.
    adapter_delay: seconds after the last upload from which on inference knows the adapter.
    page_size: how many finetunes a list answers where no `per_page` is asked for; None: all.
    extra_models: model ids to accept besides `catalogue.MODELS`.
    """

    account_id: str = "5a4db0c05a4db0c05a4db0c05a4db0c0"
    token: str = "sandbox-token-not-a-secret"
    email: str = "sandbox@example.com"
    api_key: str = "sandbox-key-not-a-secret"
    latency: float = 0.0
    quota: int = 100
    max_adapter_bytes: int = 300_000_000
    unique_names: bool = False
    reupload: Reupload = Reupload.REFUSE
    list_lag: int = 0
    adapter_delay: float = 0.0
    page_size: int | None = None
    extra_models: tuple[str, ...] = ()
