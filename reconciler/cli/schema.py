"""`reconciler schema`."""

from __future__ import annotations

import click

from reconciler.cli.terminal import Terminal
from reconciler.documents import SCHEMA_NAMES, schema_text


@click.command("schema")
@click.argument("name", type=click.Choice(SCHEMA_NAMES), default="manifest")
@click.pass_obj
def command(terminal: Terminal, name: str) -> int:
    """Print the JSON Schema of the manifest, the project file, the state or the plan.

    \b
    Example:
      reconciler schema manifest > manifest.v1.schema.json
    """
    terminal.out(schema_text(name).rstrip("\n"))
    return 0
