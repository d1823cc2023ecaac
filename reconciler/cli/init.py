"""`reconciler init`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from reconciler.cli.files import current_folder, make_private_folder, write_file
from reconciler.cli.pipelines import PATHS, find_projects, next_steps, pipeline, warnings
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
    # versioned: true                                 # a change creates a new generation
"""

_IGNORE = """\
# The state of this project; keep it where only one apply at a time can reach it.
reconciler.state.json
reconciler.state.json.*
reconciler.state.rescue.*
reconciler.state.damaged.*
# Plan files name what will exist: `reconciler plan --out plan.json`.
plan.json
"""


@click.command("init")
@click.option(
    "--ci", "system", type=click.Choice(list(PATHS)), help="Write just a pipeline for this system."
)
@click.pass_obj
def command(terminal: Terminal, system: str | None) -> int:
    """Write a project to begin with: settings, a manifest, the schemas for your editor.

    With --ci, at the root of a repository: a pipeline for the projects in it.
    Never overwrites a file.

    \b
    Examples:
      mkdir finetunes-prod && cd finetunes-prod && reconciler init
      reconciler init --ci github
    """
    if system is not None:
        return _write_pipeline(terminal, system)
    files = {
        Path("reconciler.yaml"): _PROJECT,
        Path("finetunes/finetunes.yaml"): _MANIFEST,
    }
    _refuse_to_overwrite(files)
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
        terminal.err(
            f"\nThere is a {ignore} already. Add to it, so that no state or plan is committed:"
        )
        terminal.err(_IGNORE.rstrip())
    terminal.out("\nNext: edit finetunes/finetunes.yaml, then try it out with no account:")
    terminal.out("  reconciler plan --sandbox\n  reconciler apply --sandbox")
    return 0


def _write_pipeline(terminal: Terminal, system: str) -> int:
    root = current_folder()
    above = next((folder for folder in root.parents if (folder / ".git").exists()), None)
    if above is not None and not (root / ".git").exists():
        raise DiagnosticError(
            codes.INVALID_USAGE.error(
                f"A pipeline belongs to the root of the repository, which is {above}.",
                hint=f"cd {above} && reconciler init --ci {system}",
            )
        )
    path = PATHS[system]
    _refuse_to_overwrite([path])
    projects = find_projects(root)
    write_file(path, pipeline(system, projects))
    terminal.err(f"wrote {path} for {', '.join(p.folder for p in projects) or '.'}")
    missing = warnings(projects)
    if missing:
        terminal.err("")
        terminal.diagnostics(missing)
    terminal.out("\nNext:")
    for step in next_steps(system, projects):
        terminal.out(f"- {step}")
    return 0


def _refuse_to_overwrite(paths: Iterable[Path]) -> None:
    there = [path for path in paths if path.exists() or path.is_symlink()]
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
