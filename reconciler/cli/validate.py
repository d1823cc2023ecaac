"""`reconciler validate`."""

from __future__ import annotations

import json

import click

from reconciler import __version__
from reconciler.cli.options import manifest_option
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codec import encode_diagnostic
from reconciler.render.text import count


@click.command("validate")
@manifest_option
@click.option("--format", "format_", type=click.Choice(["human", "json"]), default="human")
@click.pass_obj
def command(terminal: Terminal, manifests: tuple[str, ...], format_: str) -> int:
    """Check the manifests and their adapters; every mistake at once.

    Needs no account and no network.

    \b
    Examples:
      reconciler validate
      reconciler validate -f finetunes/ --format json
    """
    try:
        workspace = Workspace(terminal, manifests=manifests)
        declared = workspace.declared()
    except DiagnosticError as error:
        if format_ == "json":
            terminal.out(_json(error.diagnostics))
        else:
            terminal.diagnostics(error.diagnostics)
        return error.exit_code
    if format_ == "json":
        terminal.out(_json(declared.warnings))
    else:
        terminal.diagnostics(declared.warnings)
        number = count(len(declared.desired.finetunes), "finetune")
        terminal.out(f"{terminal.out_style.paint('Valid.', 'green', 'bold')} {number} declared.")
    return 0


def _json(found: tuple[Diagnostic, ...]) -> str:
    """Write Terraform's `validate -json` shape."""
    errors = sum(diagnostic.is_error for diagnostic in found)
    document = {
        "format_version": "1.0",
        "reconciler_version": __version__,
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": len(found) - errors,
        "diagnostics": [encode_diagnostic(diagnostic) for diagnostic in found],
    }
    return json.dumps(document)
