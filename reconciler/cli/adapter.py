"""`reconciler adapter inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reconciler.adapters import inspect
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import has_errors
from reconciler.render.adapter import adapter_document, render_adapter


@click.group("adapter")
def command() -> None:
    """Look into an adapter."""


@command.command("inspect")
@click.argument("path")
@click.option("--model", default="", metavar="MODEL", help="The base model it is meant for.")
@click.option("--format", "format_", type=click.Choice(["human", "json"]), default="human")
@click.pass_obj
def inspect_(terminal: Terminal, path: str, model: str, format_: str) -> int:
    """Print what is known of an adapter, and what is wrong with it.

    Reads the header of the weights, not the weights, apart from their digest.

    \b
    Examples:
      reconciler adapter inspect adapters/support-bot
      reconciler adapter inspect out/ --model @cf/google/gemma-7b-it-lora
    """
    limits = Workspace(terminal).settings.limits
    inspection = inspect(Path(path), location=path, model=model, limits=limits, root=None)
    found = inspection.diagnostics
    if format_ == "json":
        terminal.out(json.dumps(adapter_document(path, inspection.adapter, found), indent=2))
    else:
        if inspection.adapter:
            terminal.out(render_adapter(inspection.adapter, terminal.out_style))
        if found:
            terminal.err("")
        terminal.diagnostics(found)
    return 1 if has_errors(found) else 0
