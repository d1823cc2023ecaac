"""`reconciler explain`."""

from __future__ import annotations

import difflib

import click

from reconciler.cli.terminal import Terminal
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.catalogue import CATALOGUE, find_code
from reconciler.diagnostics.codes import project as codes
from reconciler.render.text import fold


@click.command("explain")
@click.argument("code", required=False)
@click.pass_obj
def command(terminal: Terminal, code: str | None) -> int:
    """Explain a code, or without one list them all.

    \b
    Example:
      reconciler explain R104
    """
    style = terminal.out_style
    if code is None:
        for known in sorted(CATALOGUE.values(), key=lambda known: known.id):
            terminal.out(f"{style.paint(known.id, 'bold')}  {known.summary}")
        return 0
    found = find_code(code)
    if found is None:
        close = difflib.get_close_matches(code.upper(), CATALOGUE, 3)
        hint = f"Did you mean {' or '.join(close)}?" if close else "`explain` lists them all."
        raise DiagnosticError(codes.UNKNOWN_CODE.error(f"There is no code {code}.", hint=hint))
    terminal.out(style.paint(f"{found.id}: {found.summary}", "bold"))
    terminal.out(f"\n{fold(found.why, style.columns)}")
    terminal.out(f"\n{fold(f'What to do: {found.fix}', style.columns)}")
    return 0
