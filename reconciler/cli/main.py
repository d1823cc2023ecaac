"""The root command, and what becomes of every way that a command can end."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from reconciler import __version__
from reconciler.cli.internal import internal_error
from reconciler.cli.interrupts import (
    ending_signals,
    exit_code_is,
    handle_signals_to_the_end,
    handled_signals,
)
from reconciler.cli.terminal import Terminal
from reconciler.cli.usage import usage_error
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes

_COMMANDS = {
    "init": "Write a project to begin with.",
    "validate": "Check the manifests; needs no account.",
    "plan": "Show what apply would do.",
    "apply": "Create what is missing in the account.",
    "show": "Show a plan file, or the state.",
    "verify": "Ask finetunes for one token: do they answer?",
    "output": "Print names and ids for other tools.",
    "state": "Look into the state.",
    "resolve": "Say what became of a create whose outcome is unknown.",
    "adapter": "Look into an adapter.",
    "schema": "Print a JSON Schema.",
    "explain": "Explain a code such as R104.",
    "sandbox": "Serve an emulated account to try things out.",
    "completion": "Print a script for your shell's completion.",
}
"""Each lives in a module of its name, imported when it is used."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"reconciler.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Exit codes: 0 done, 1 error, 2 changes (plan --detailed-exitcode only), "
    "3 unresolved: a person must look, 130 interrupted.",
)
@click.option("-C", "--chdir", metavar="DIR", help="Work in this folder.")
@click.option("--no-color", is_flag=True, help="No colours (also: NO_COLOR).")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    help="What to log to standard error.",
)
@click.version_option(__version__, message="reconciler %(version)s")
@click.pass_context
def root(ctx: click.Context, chdir: str | None, no_color: bool, log_level: str) -> None:
    """Declare the finetunes of a Cloudflare Workers AI account in YAML.

    \b
    Begin with:
      reconciler init
      reconciler plan --sandbox
      reconciler apply --sandbox
    """
    terminal = ctx.ensure_object(Terminal)
    terminal.no_color |= no_color
    logging.basicConfig(level=log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    if chdir is not None:
        try:
            os.chdir(chdir)
        except OSError as error:
            raise DiagnosticError(
                codes.INVALID_USAGE.error(
                    f"Cannot work in {chdir}: {error.strerror}.", hint="Check -C/--chdir."
                )
            ) from error
        terminal.folder = chdir


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code. No exception gets past it."""
    with handled_signals():
        return _concluded(arguments)


def run_to_the_end(arguments: Sequence[str]) -> NoReturn:
    """Run the command line and end the process with its exit code, whatever signal comes."""
    handle_signals_to_the_end()
    sys.exit(_concluded(arguments))


def _concluded(arguments: Sequence[str]) -> int:
    _open_closed_streams()
    terminal = Terminal(no_color="--no-color" in arguments)
    code = exit_code_is(_run(arguments, terminal))
    with suppress(OSError):
        sys.stdout.flush()
    if terminal.lost:
        terminal.err(f"The results could not be written to standard output: {terminal.lost}.")
        return exit_code_is(code or 1)
    return code


def _run(arguments: Sequence[str], terminal: Terminal) -> int:
    try:
        with ending_signals():
            result = root.main(
                list(arguments), prog_name="reconciler", standalone_mode=False, obj=terminal
            )
        return result if isinstance(result, int) else 0
    except DiagnosticError as error:
        terminal.diagnostics(error.diagnostics)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        terminal.err(error.format_message())
        return 1
    except click.UsageError as error:
        terminal.diagnostics([usage_error(error, arguments, _COMMANDS)])
        return 1
    except click.ClickException as error:
        terminal.diagnostics([codes.INVALID_USAGE.error(error.format_message())])
        return 1
    except (click.Abort, KeyboardInterrupt):
        terminal.err("Interrupted.")
        return 130
    except Exception as error:
        logging.getLogger("reconciler").debug("internal error", exc_info=True)
        terminal.diagnostics([internal_error(error)])
        return 1


def _open_closed_streams() -> None:
    """Open what the caller closed (`>&-`): else the state could become standard output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115
