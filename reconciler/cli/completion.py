"""`reconciler completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from reconciler.cli.terminal import Terminal


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print the completion script of a shell.

    \b
    Examples:
      eval "$(reconciler completion bash)"      # in ~/.bashrc
      eval "$(reconciler completion zsh)"       # in ~/.zshrc
      reconciler completion fish > ~/.config/fish/completions/reconciler.fish
    """
    terminal: Terminal = ctx.obj
    completion = get_completion_class(shell)
    if completion is not None:
        root = ctx.find_root().command
        terminal.out(completion(root, {}, "reconciler", "_RECONCILER_COMPLETE").source())
    return 0
