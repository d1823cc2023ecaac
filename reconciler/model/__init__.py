"""The nouns that every room shares: plain, frozen, without I/O."""

from reconciler.model.adapter import (
    ASSET_NAMES,
    CONFIG_FILE,
    WEIGHTS_FILE,
    Adapter,
    AdapterFacts,
    Asset,
)
from reconciler.model.address import Address
from reconciler.model.change import Action, AttributeChange, Change
from reconciler.model.finetune import SLOWEST, Attributes, Desired, Finetune, Limits
from reconciler.model.remote import Listing, RemoteFinetune
from reconciler.model.source import AdapterSource, SourceAddress
from reconciler.model.verification import Verification

__all__ = [
    "ASSET_NAMES",
    "CONFIG_FILE",
    "SLOWEST",
    "WEIGHTS_FILE",
    "Action",
    "Adapter",
    "AdapterFacts",
    "AdapterSource",
    "Address",
    "Asset",
    "AttributeChange",
    "Attributes",
    "Change",
    "Desired",
    "Finetune",
    "Limits",
    "Listing",
    "RemoteFinetune",
    "SourceAddress",
    "Verification",
]
