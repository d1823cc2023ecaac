"""`reconciler validate`."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click

from reconciler import __version__
from reconciler.cli.options import manifest_option
from reconciler.cli.repository import working_folder
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codec import encode_diagnostic
from reconciler.model import Address
from reconciler.render.text import count

FORMATS = ("human", "json", "github", "gitlab", "sarif", "junit")
"""`github` are annotations, `gitlab` is its `artifacts:reports:codequality`."""


@click.command("validate")
@manifest_option
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="human",
    help="What to write to standard output; the findings for people go to standard error.",
)
@click.pass_obj
def command(terminal: Terminal, manifests: tuple[str, ...], format_: str) -> int:
    """Check the manifests and their adapters; every mistake at once.

    Needs no account and no network.

    \b
    Examples:
      reconciler validate
      reconciler validate -f finetunes/ --format json
      reconciler validate --format github            # annotations in a workflow
      reconciler validate --format sarif > reconciler.sarif
    """
    found: tuple[Diagnostic, ...]
    addresses: list[Address] = []
    code = 0
    try:
        declared = Workspace(terminal, manifests=manifests).declared()
    except DiagnosticError as error:
        found, code = error.diagnostics, error.exit_code
    else:
        found, addresses = declared.warnings, sorted(declared.desired.finetunes)
    terminal.diagnostics(found)
    if format_ != "human":
        terminal.out(_document(format_, found, addresses))
    elif code == 0:
        number = count(len(addresses), "finetune")
        terminal.out(f"{terminal.out_style.paint('Valid.', 'green', 'bold')} {number} declared.")
    return code


def _document(format_: str, found: tuple[Diagnostic, ...], addresses: Iterable[Address]) -> str:
    """Write the findings for a machine."""
    if format_ == "json":
        return _json(found)
    folder = working_folder()
    if format_ == "github":
        from reconciler.render.annotations import render_annotations

        return render_annotations(found, folder)
    if format_ == "gitlab":
        from reconciler.render.gitlab import render_code_quality

        return render_code_quality(found, folder)
    if format_ == "sarif":
        from reconciler.render.sarif import render_sarif

        return render_sarif(found, folder)
    from reconciler.render.junit import render_junit

    return render_junit(found, folder, addresses)


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
