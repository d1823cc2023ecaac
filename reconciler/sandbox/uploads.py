"""The upload of an asset: streamed to disk, and recorded only when it is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reconciler.sandbox.account import AssetExistsError, Finetune
from reconciler.sandbox.answers import (
    Answer,
    finetune_not_found,
    incomplete,
    invalid,
    refused,
    too_large,
)
from reconciler.sandbox.catalogue import ASSET_NAMES
from reconciler.sandbox.multipart import MultipartError, MultipartReader
from reconciler.sandbox.operations import Call
from reconciler.sandbox.settings import Reupload

FORM_OVERHEAD = 64 * 1024
"""The most bytes that a form may have besides the file."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the form said: the asset's name, and the digest and size in bytes of its file."""

    file_name: str
    sha256: str
    size: int


def upload_asset(call: Call) -> Answer:
    """`POST /accounts/{account_id}/ai/finetunes/{finetune_id}/finetune-assets`."""
    finetune = call.account.find(call.parameters["finetune_id"])
    if finetune is None:
        raise finetune_not_found(call.parameters["finetune_id"])
    call.body.check_length(call.settings.max_adapter_bytes + FORM_OVERHEAD)
    incoming = call.account.new_asset_file()
    try:
        form = _read_form(call, incoming)
        outcome = _keep(call, finetune, form, incoming)
    finally:
        incoming.unlink(missing_ok=True)
    return Answer(200, {"success": True}, finetune=finetune.id, outcome=outcome)


def _keep(call: Call, finetune: Finetune, form: Form, incoming: Path) -> str:
    if form.file_name not in ASSET_NAMES:
        raise invalid(f"file_name must be one of {', '.join(ASSET_NAMES)}")
    try:
        call.account.add_asset(
            finetune.id, form.file_name, incoming, sha256=form.sha256, size=form.size
        )
    except AssetExistsError as error:
        if error.identical and call.settings.reupload is Reupload.ACCEPT_IDENTICAL:
            return f"{form.file_name} is there, identical"
        message = f"the asset {form.file_name} already exists; assets can't be edited"
        raise refused(400, message) from error
    return f"{form.file_name} {form.size} bytes sha256:{form.sha256}"


def _read_form(call: Call, incoming: Path) -> Form:
    boundary = call.headers.get_boundary()
    if call.headers.get_content_type() != "multipart/form-data" or not boundary:
        raise incomplete("Content-Type multipart/form-data with a boundary")
    file_name: str | None = None
    file: tuple[str, int] | None = None
    try:
        for part in MultipartReader(call.body.read, boundary).parts():
            if part.name == "file_name":
                file_name = part.text(limit=1024)
            elif part.name == "file":
                file = _write(incoming, part.chunks, call.settings.max_adapter_bytes)
    except MultipartError as error:
        raise invalid(f"the form can't be read: {error}") from error
    if not file_name or file is None or file[1] == 0:
        raise incomplete("file" if file_name else "file_name")
    return Form(file_name, *file)


def _write(path: Path, chunks: Iterable[bytes], limit: int) -> tuple[str, int]:
    """Write a file; return its SHA-256 and its size in bytes."""
    digest = hashlib.sha256()
    size = 0
    with path.open("wb") as out:
        for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise too_large()
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest(), size
