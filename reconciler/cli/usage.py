"""Wrong usage, and the way from what was typed to what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import click

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import project as codes

_ELSEWHERE = {
    "destroy": "The API deletes nothing. `removed: [NAME]` in a manifest forgets a finetune.",
    "delete": "The API deletes nothing. `removed: [NAME]` in a manifest forgets a finetune.",
    "import": "What the account has already is adopted by the next apply; plan shows it as <=.",
    "refresh": "Every plan asks the account: reconciler plan --refresh-only.",
    "fmt": "Manifests are YAML of your own style; `reconciler validate` checks them.",
    "version": "reconciler --version",
    "help": "reconciler --help, or reconciler COMMAND --help",
    "taint": "A finetune cannot be replaced. `versioned: true` makes a new generation of it.",
    "workspace": "A folder with its own reconciler.yaml is an environment: reconciler -C DIR plan.",
}
"""Commands of Terraform and others, and what to do here instead."""


def usage_error(
    error: click.UsageError, arguments: Sequence[str], commands: Iterable[str]
) -> Diagnostic:
    """Say what is wrong with the command line and what was probably meant."""
    command = error.ctx.command_path if error.ctx else _command(arguments, commands)
    detail = " ".join(error.format_message().split())
    hint = _meant(error, arguments, list(commands)) or f"{command} --help shows what it takes."
    return codes.INVALID_USAGE.error(detail, hint=hint)


def _command(arguments: Sequence[str], commands: Iterable[str]) -> str:
    named = next((argument for argument in arguments if argument in commands), "")
    return f"reconciler {named}".rstrip()


def _meant(error: click.UsageError, arguments: Sequence[str], commands: list[str]) -> str:
    if isinstance(error, click.NoSuchOption):
        return _meant_option(error, arguments)
    unknown = re.fullmatch(r"No such command '(.+)'\.", error.format_message())
    if unknown is None:
        return ""
    name = unknown[1]
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    close = get_close_matches(name, commands, 1)
    return f"Did you mean {close[0]}?" if close else ""


def _meant_option(error: click.NoSuchOption, arguments: Sequence[str]) -> str:
    single = next((a for a in arguments if re.match(r"-[a-z]{2}", a)), "")
    if single.startswith(error.option_name) and not error.option_name.startswith("--"):
        return f"Long options have two dashes: -{single}"
    if error.option_name in ("--no-color", "--log-level", "--chdir", "-C"):
        return f"It goes before the command: reconciler {error.option_name} ..."
    if error.option_name == "--json":
        return "Write --format json."
    return ""
