"""What the pages name exists, and what exists is named."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import reconciler
from reconciler.cli.main import root
from reconciler.diagnostics.catalogue import CATALOGUE
from reconciler.documents import load_schema
from tests.docs.conftest import Trial
from tests.docs.pages import PAGES, ROOT, blocks, inline_code, steps

PACKAGE = Path(reconciler.__file__).parent
_VARIABLE = re.compile(
    r"(?:CLOUDFLARE|RECONCILER|TF_HTTP|PG|AWS|NO|REQUESTS|SSL|HTTPS)_?[A-Z_]{3,}"
)


def commands(
    group: click.Group = root, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command by its words, the root by none."""
    yield path, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())


def flags(command: click.Command) -> set[str]:
    options = (param for param in command.params if isinstance(param, click.Option))
    return {name for option in options for name in option.opts} | {"-h", "--help"}


ALL_FLAGS = {flag for command in COMMANDS.values() for flag in flags(command)}


def mentioned(page: Path) -> Iterator[list[str]]:
    """The words of every call of the command, and of every `COMMAND --flag` in a text."""
    scripts = [
        line for block in blocks(page, "sh", "console", "yaml") for line in block.split("\n")
    ]
    for text in (*scripts, *inline_code(page)):
        for call in re.findall(r"\breconciler ([a-z-][^|;&#\n]*)", text):
            yield words(call)
    for text in inline_code(page):
        if text.split()[0] in root.list_commands(click.Context(root)):
            yield words(text)


def words(text: str) -> list[str]:
    cleaned = text.replace("$(", " ").replace(")", " ").replace("`", " ")
    try:
        return shlex.split(cleaned)
    except ValueError:
        return cleaned.split()


def resolve(call: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that is called and the words behind its name."""
    path: tuple[str, ...] = ()
    rest = list(call)
    while rest and (*path, rest[0]) in COMMANDS:
        path = (*path, rest.pop(0))
    return COMMANDS[path], rest


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_flags_that_are_named_exist(page: Path) -> None:
    wrong = []
    for call in mentioned(page):
        command, rest = resolve(call)
        if command is root and rest and not rest[0].startswith("-"):
            wrong.append(call)
        named = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
        if named - flags(command):
            wrong.append(call)
    lone = {text for text in inline_code(page) if re.fullmatch(r"--[a-z-]+", text)}
    assert not wrong
    assert lone <= ALL_FLAGS


def test_every_command_and_flag_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    missing = []
    for path, command in COMMANDS.items():
        title = " ".join(("## reconciler", *path))
        assert f"{title}\n" in text, title
        section = text.partition(f"{title}\n")[2].partition("\n## ")[0]
        shown = set(re.findall(r"`(--?[a-z-]+)", section, re.IGNORECASE))
        missing += sorted(flags(command) - {"-h", "--help"} - shown)
    assert not missing


def test_every_variable_that_is_read_is_documented() -> None:
    text = (ROOT / "docs" / "environment.md").read_text()
    documented = set(re.findall(r"[A-Z][A-Z_]+", text))
    read = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                read |= {node.value} if _VARIABLE.fullmatch(node.value) else set()
    assert "CLOUDFLARE_API_TOKEN" in read
    assert read <= documented


def test_every_field_is_documented() -> None:
    text = (ROOT / "docs" / "manifest.md").read_text()
    manifest, project = load_schema("manifest"), load_schema("project")
    finetune = manifest["properties"]["finetunes"]["additionalProperties"]
    fields = [*manifest["properties"], *finetune["properties"], *project["properties"]]
    fields += project["properties"]["limits"]["properties"]
    assert not [field for field in fields if not re.search(rf"\b{field}\b", text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_codes_that_are_named_exist(page: Path) -> None:
    assert set(re.findall(r"\bR\d{3}\b", page.read_text())) <= set(CATALOGUE)


def test_the_manifest_of_the_first_page_is_the_one_that_init_writes(trial: Trial) -> None:
    (shown,) = [step for step in steps(ROOT / "README.md") if step.path]

    trial.run("mkdir new && cd new && reconciler init")

    written = (trial.folder / "new" / shown.path).read_text()
    assert written.partition("\n")[2] == shown.content.partition("\n")[2]
