"""Workflow commands, read back as GitHub's runner reads them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given

from reconciler.diagnostics import Diagnostic, Position, SourceRange
from reconciler.diagnostics.codes import manifests
from reconciler.render.annotations import MOST, render_annotations
from tests.render.formats import findings
from tests.render.formats.golden import check_golden
from tests.render.formats.hostility import hostile_texts


@dataclass
class Command:
    name: str
    properties: dict[str, str]
    data: str


def as_runner_reads(output: str) -> list[Command]:
    """Follow the runner's ActionCommand.TryParseV2, line by line."""
    commands = []
    for line in output.splitlines():
        if not line.lstrip().startswith("::"):
            assert "##[" not in line
            continue
        head, data = line.lstrip()[2:].split("::", 1)
        name, _, written = head.partition(" ")
        pairs = [pair.split("=", 1) for pair in written.split(",")]
        properties = {key.strip(): unescaped(value, colon=True) for key, value in pairs}
        assert len(properties) == len(pairs)
        commands.append(Command(name, properties, unescaped(data)))
    return commands


def unescaped(text: str, *, colon: bool = False) -> str:
    text = text.replace("%0D", "\r").replace("%0A", "\n")
    if colon:
        text = text.replace("%3A", ":").replace("%2C", ",")
    return text.replace("%25", "%")


def test_the_findings_have_their_golden() -> None:
    check_golden("findings.github.txt", render_annotations(findings.some(), "environments/prod"))


def test_the_runner_reads_what_was_meant() -> None:
    first = as_runner_reads(render_annotations(findings.some(), "environments/prod"))[0]
    assert first.name == "error"
    assert first.properties == {
        "file": "environments/prod/finetunes/support.yaml",
        "line": "6",
        "endLine": "6",
        "col": "5",
        "endColumn": "10",
        "title": "R104 Duplicate key",
    }
    assert first.data == "`model` stands at line 4 already.\nhint: Keep one of the two."


def numbered(number: int) -> list[Diagnostic]:
    errors = [manifests.WRONG_TYPE.error(f"{n}") for n in range(number)]
    return errors + [manifests.RESERVED_NAME.warning(f"{n}") for n in range(number)]


def test_no_more_are_written_than_github_shows() -> None:
    written = render_annotations(numbered(12))
    names = [command.name for command in as_runner_reads(written)]
    assert names == ["error"] * MOST + ["warning"] * MOST
    assert written.splitlines()[-1].startswith("12 errors, 12 warnings. 4 more than")


def test_nothing_found_is_one_line() -> None:
    assert render_annotations([]) == "0 errors, 0 warnings."


def test_columns_are_left_out_where_a_range_goes_on() -> None:
    where = SourceRange("a.yaml", Position(1, 2), Position(3, 1))
    written = render_annotations([manifests.YAML_SYNTAX.error("x", range=where)])
    assert "col" not in as_runner_reads(written)[0].properties


@given(text=hostile_texts())
def test_row_62_hostile_texts_make_no_other_command(text: str) -> None:
    written = render_annotations(findings.hostile(text), text)
    commands = as_runner_reads(written)
    assert [command.name for command in commands] == ["error", "warning"]
    assert len(written.split("\n")) == 3
    for command in commands:
        names = {"file", "line", "endLine", "col", "endColumn", "title"}
        assert set(command.properties) == names
        assert command.properties["line"] == "3"
