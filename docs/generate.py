"""Writes the pages that are made from the code: commands.md and errors.md.

    python docs/generate.py

A test compares them with what the code says now.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from reconciler.cli.main import root
from reconciler.diagnostics.catalogue import CATALOGUE, FAMILIES

FOLDER = Path(__file__).parent

_COMMANDS = """\
# Commands

Made from the program by `python docs/generate.py`; `reconciler COMMAND --help` says the same.

An `ADDRESS` is `finetune.NAME` or just `NAME`, the logical name of the manifest. Results go to
standard output, everything else to standard error.

| exit code | |
|---|---|
| 0 | done, or nothing to do |
| 1 | an error, or a plan that cannot be applied |
| 2 | there are changes; only from `plan --detailed-exitcode` |
| 3 | unresolved: a person must look ([protocol](protocol.md)) |
| 130 | interrupted |
"""

_ERRORS = """\
# Error codes

Made from the program by `python docs/generate.py`; `reconciler explain CODE` says the same.
A code always means the same, and is never used again for something else.
"""

_FAMILY_TITLES = {
    "R1": "Manifests",
    "R2": "Project file, environment, command line",
    "R3": "Adapters",
    "R4": "State",
    "R5": "Cloudflare",
    "R6": "Plan",
    "R7": "Apply",
    "R9": "Sources of adapters",
}


def pages() -> dict[Path, str]:
    """Return the text of every page that is made."""
    return {
        FOLDER / "commands.md": "\n".join(_commands()) + "\n",
        FOLDER / "errors.md": "\n".join(_errors()) + "\n",
    }


def _errors() -> Iterator[str]:
    yield _ERRORS
    for family in FAMILIES:
        yield f"## {_FAMILY_TITLES[family]}\n"
        for code in sorted(c for c in CATALOGUE if c.startswith(family)):
            found = CATALOGUE[code]
            yield f"### {code}: {found.summary}\n"
            yield f"{_plain(found.why)}\n"
            yield f"**What to do:** {_plain(found.fix)}\n"


def _plain(text: str) -> str:
    """Keep what is no Markdown from being taken for it: `*.yaml`, `<ID>`."""
    parts = text.split("`")
    return "`".join(
        part if number % 2 else part.replace("*", r"\*").replace("<", r"\<")
        for number, part in enumerate(parts)
    )


def _commands() -> Iterator[str]:
    yield _COMMANDS
    yield "## reconciler\n"
    yield from _command(root, "reconciler")
    yield from _subcommands(root, "reconciler")


def _subcommands(group: click.Group, path: str) -> Iterator[str]:
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        yield f"## {path} {name}\n"
        yield from _command(command, f"{path} {name}")
        if isinstance(command, click.Group):
            yield from _subcommands(command, f"{path} {name}")


def _command(command: click.Command, path: str) -> Iterator[str]:
    arguments = [_argument(p) for p in command.params if isinstance(p, click.Argument)]
    kind = ["COMMAND"] if isinstance(command, click.Group) else arguments
    yield f"`{' '.join([path, '[OPTIONS]', *kind])}`\n"
    yield from _help(command)
    if isinstance(command, click.Group):
        yield from _overview(command, path)
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    if options:
        yield "| option | |\n|---|---|"
        yield from (_option(option) for option in options)
        yield ""


def _help(command: click.Command) -> Iterator[str]:
    """Yield the paragraphs; one that begins with \\b, an example, is a block of its own."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if not paragraph.startswith("\b"):
            yield f"{_plain(' '.join(paragraph.split()))}\n"
            continue
        _, title, *lines = paragraph.splitlines()
        yield f"{title}\n"
        yield "```console"
        yield from (f"$ {line.strip()}" for line in lines)
        yield "```\n"


def _overview(group: click.Group, path: str) -> Iterator[str]:
    context = click.Context(group, info_name=path)
    yield "| command | |\n|---|---|"
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            link = f"{path} {name}".replace(" ", "-")
            yield f"| [`{name}`](#{link}) | {_cell(command.get_short_help_str(200))} |"
    yield ""


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    if isinstance(argument.type, click.Choice):
        name = "|".join(map(str, argument.type.choices))
    if argument.nargs == -1 and "..." not in name:
        name = f"{name}..."
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _option(option: click.Option) -> str:
    names = ", ".join(f"`{name}{_value(option)}`" for name in option.opts)
    return f"| {_cell(names)} | {_cell(' '.join(_explanation(option)))} |"


def _value(option: click.Option) -> str:
    if option.is_flag or isinstance(option.type, click.Choice):
        return ""
    return f" {option.metavar or option.type.name.upper().replace(' RANGE', '')}"


def _explanation(option: click.Option) -> Iterator[str]:
    if option.help:
        yield _plain(option.help)
    if isinstance(option.type, click.Choice):
        choices = [f"`{choice}`" for choice in option.type.choices]
        default = f"; default `{option.default}`" if isinstance(option.default, str) else ""
        yield f"One of {', '.join(choices)}{default}."
    if isinstance(option.type, click.IntRange | click.FloatRange) and option.type.max is not None:
        yield f"From {option.type.min} to {option.type.max}."


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
