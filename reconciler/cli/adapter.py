"""`reconciler adapter inspect` and `adapter pin`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from reconciler.adapters import Inspection, inspect
from reconciler.cli.options import manifest_option
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import DiagnosticError, has_errors
from reconciler.diagnostics.codes import sources as codes
from reconciler.model import Limits, SourceAddress
from reconciler.render.adapter import adapter_document, render_adapter


@click.group("adapter")
def command() -> None:
    """Look into an adapter, and pin those that live elsewhere."""


@command.command("inspect")
@click.argument("place")
@click.option("--model", default="", metavar="MODEL", help="The base model it is meant for.")
@click.option("--format", "format_", type=click.Choice(["human", "json"]), default="human")
@click.pass_obj
def inspect_(terminal: Terminal, place: str, model: str, format_: str) -> int:
    """Print what is known of an adapter, and what is wrong with it.

    PLACE is a folder, or hf://ORG/REPO@REVISION, s3://BUCKET/FOLDER and so on.
    Reads the header of the weights, not the weights, apart from the digest of
    those in a folder.

    \b
    Examples:
      reconciler adapter inspect adapters/support-bot
      reconciler adapter inspect out/ --model @cf/google/gemma-7b-it-lora
      reconciler adapter inspect hf://acme/support-bot@main
    """
    limits = Workspace(terminal).settings.limits
    if "://" in place:
        inspection = _inspect_source(place, model, limits)
    else:
        inspection = inspect(Path(place), location=place, model=model, limits=limits, root=None)
    found = inspection.diagnostics
    if format_ == "json":
        terminal.out(json.dumps(adapter_document(place, inspection.adapter, found), indent=2))
    else:
        if inspection.adapter:
            terminal.out(render_adapter(inspection.adapter, terminal.out_style))
        if found and inspection.adapter:
            terminal.err("")
        terminal.diagnostics(found)
    return 1 if has_errors(found) else 0


def _inspect_source(place: str, model: str, limits: Limits) -> Inspection:
    from reconciler.sources import Sources, inspect_source

    try:
        address = SourceAddress.parse(place)
    except ValueError as error:
        hint = "Write hf://ORG/REPO@REVISION, s3://BUCKET/FOLDER or https://HOST/FOLDER."
        raise DiagnosticError(codes.INVALID_SOURCE.error(f"PLACE {error}.", hint=hint)) from None
    with Sources(os.environ) as sources:
        return inspect_source(sources.open(address), model=model, limits=limits)


@command.command("pin")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@manifest_option
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a source moved on.")
@click.pass_obj
def pin(
    terminal: Terminal, addresses: tuple[str, ...], manifests: tuple[str, ...], check: bool
) -> int:
    """Write the digests of adapters that live elsewhere into the manifests.

    Asks each source what it has now. A branch of the hub becomes its commit. What
    else stands in a manifest stays as it is, comments too.

    \b
    Examples:
      reconciler adapter pin
      reconciler adapter pin support-bot
      reconciler adapter pin --check
    """
    from reconciler.cli.pin import pin as write_pins

    workspace = Workspace(terminal, manifests=manifests)
    return write_pins(terminal, workspace, addresses, check=check)
