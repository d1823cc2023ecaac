"""`reconciler init`."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.files import make_private_folder, write_file
from reconciler.cli.terminal import Terminal
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.documents import schema_text

_PROJECT = """\
# yaml-language-server: $schema=.reconciler/schemas/project.v1.schema.json
version: 1
# account_id: 023e105f4ecef8ad9ca31a8372d0c353   # or CLOUDFLARE_ACCOUNT_ID
manifests: [finetunes/]
state: reconciler.state.json
"""

_MANIFEST = """\
# yaml-language-server: $schema=../.reconciler/schemas/manifest.v1.schema.json
version: 1
finetunes:
  support-bot:                                        # the address: finetune.support-bot
    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"
    description: Answers support tickets in the house style.
    # adapter: ../adapters/support-bot                # adapter_config.json and
    #                                                 # adapter_model.safetensors
"""

_IGNORE = """\
# The state of this project; keep it where only one apply at a time can reach it.
reconciler.state.json
reconciler.state.json.*
reconciler.state.rescue.*
"""


@click.command("init")
@click.pass_obj
def command(terminal: Terminal) -> int:
    """Write a project to begin with: settings, a manifest, the schemas for your editor.

    Never overwrites a file.

    \b
    Example:
      mkdir finetunes-prod && cd finetunes-prod && reconciler init
    """
    files = {
        Path("reconciler.yaml"): _PROJECT,
        Path("finetunes/finetunes.yaml"): _MANIFEST,
    }
    there = [path for path in files if path.exists()]
    if there:
        raise DiagnosticError(
            *(
                codes.FILE_EXISTS.error(
                    f"{path} is there already; nothing was written.",
                    hint="Remove it, or run init in another folder.",
                )
                for path in there
            )
        )
    schemas = make_private_folder(Path(".reconciler")) / "schemas"
    for name in ("manifest", "project"):
        files[schemas / f"{name}.v1.schema.json"] = schema_text(name)
    ignore = Path(".gitignore")
    if not ignore.exists():
        files[ignore] = _IGNORE
    for path, text in files.items():
        write_file(path, text)
        terminal.err(f"wrote {path}")
    if ignore not in files and "reconciler.state" not in ignore.read_text(errors="replace"):
        terminal.err(f"\nThere is a {ignore} already. Add to it, so that no state is committed:")
        terminal.err(_IGNORE.rstrip())
    terminal.out("\nNext: edit finetunes/finetunes.yaml, then try it out with no account:")
    terminal.out("  reconciler plan --sandbox\n  reconciler apply --sandbox")
    return 0
