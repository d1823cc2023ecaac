"""An emulation of Cloudflare's finetune API on loopback, for trying out and for tests.

It is written from the API's documentation alone and shares no code with the client, so that it
is a second opinion on it. `with Sandbox(folder) as sandbox:` serves `sandbox.base_url`.
"""

from reconciler.sandbox.account import (
    Account,
    Asset,
    Finetune,
    Page,
    RequestRecord,
    SandboxError,
)
from reconciler.sandbox.server import Sandbox
from reconciler.sandbox.settings import Reupload, SandboxSettings

__all__ = [
    "Account",
    "Asset",
    "Finetune",
    "Page",
    "RequestRecord",
    "Reupload",
    "Sandbox",
    "SandboxError",
    "SandboxSettings",
]
