"""Attributes, assets, verifications and addresses as plain data; the readers raise KeyError,
TypeError or ValueError where they find something else.
"""

from __future__ import annotations

from typing import Any

from reconciler.diagnostics.plain import read_count, read_flag, read_mapping, read_text
from reconciler.model.adapter import Asset
from reconciler.model.address import Address
from reconciler.model.finetune import Attributes
from reconciler.model.verification import Verification


def encode_attributes(attributes: Attributes) -> dict[str, str | bool | None]:
    """Write attributes; public is null where it is unknown."""
    return {
        "name": attributes.name,
        "model": attributes.model,
        "description": attributes.description,
        "public": attributes.public,
    }


def decode_attributes(value: Any) -> Attributes:
    """Read attributes."""
    data = read_mapping(value)
    return Attributes(
        name=read_text(data["name"]),
        model=read_text(data["model"]),
        description=read_text(data["description"]),
        public=None if data["public"] is None else read_flag(data["public"]),
    )


def encode_asset(asset: Asset) -> dict[str, str | int | None]:
    """Write an asset; size is null where it is unknown."""
    return {"file_name": asset.file_name, "sha256": asset.sha256, "size": asset.size}


def decode_asset(value: Any) -> Asset:
    """Read an asset."""
    data = read_mapping(value)
    size = None if data["size"] is None else read_count(data["size"])
    return Asset(read_text(data["file_name"]), read_text(data["sha256"]), size)


def encode_verification(verification: Verification) -> dict[str, str]:
    """Write a verification."""
    return {
        "at": verification.at,
        "outcome": verification.outcome,
        "code": verification.code,
    }


def decode_verification(value: Any) -> Verification:
    """Read a verification."""
    data = read_mapping(value)
    read = Verification(read_text(data["at"]), read_text(data["code"]))
    if read_text(data["outcome"]) != read.outcome:
        raise ValueError("outcome and code of a verification contradict each other")
    return read


def decode_address(value: Any) -> Address:
    """Read an address, written in full: finetune.NAME."""
    text = read_text(value)
    address = Address.parse(text)
    if address is None or str(address) != text:
        raise ValueError(f"{text[:80]!r} is no address")
    return address
