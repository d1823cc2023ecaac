"""The mistakes that people make in YAML: each told where it is, with the line as it should be."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.diagnostics import Diagnostic
from reconciler.documents import Source, parse


def syntax_error(text: str) -> Diagnostic:
    _, problems = parse(Source("a.yaml", text))
    assert [p.code for p in problems] == ["R103"]
    return problems[0]


def marked(problem: Diagnostic) -> str:
    where = problem.range
    assert where is not None
    assert where.start.line == where.end.line
    return where.text[where.start.column - 1 : where.end.column - 1]


HEAD = "version: 1\nfinetunes:\n  bot:\n    model: base\n"
INDENT = "The line begins in column {}, where no block that is open begins."
TAB = "The line is indented with a tab, which YAML does not allow."

# text, place, what the caret marks, detail, hint
MISTAKES = {
    "a tab for the indent": (
        "version: 1\nfinetunes:\n\tbot:\n",
        ("3:1", "\t", TAB, "Indent with spaces."),
    ),
    "a tab after spaces": (
        "a:\n  b:\n  \t c: 1\n",
        ("3:3", "\t ", TAB, "Indent with spaces."),
    ),
    "a tab in a block text": (
        HEAD + "    description: |\n    \thello\n",
        ("6:5", "\t", TAB, "Indent with spaces."),
    ),
    "no space after the colon, first line": (
        "version:1\nfinetunes:\n",
        ("1:1", "version:", "There is no space after the colon of `version`.", "Write: version: 1"),
    ),
    "no space after the colon, in the middle": (
        HEAD + "    public:true\n    description: x\n",
        ("5:5", "public:", "There is no space after the colon of `public`.", "Write: public: true"),
    ),
    "a quote that is never closed": (
        'version: 1\nmodel: "@cf/a/b\nname: x\n',
        (
            "2:8",
            '"@cf/a/b',
            "The quote that opens here is not closed in line 2.",
            'Close it: model: "@cf/a/b"',
        ),
    ),
    "a quote that is closed by a later one": (
        'version: 1\nmodel: "@cf/a/b\ndescription: "hello"\n',
        (
            "2:8",
            '"@cf/a/b',
            "The quote that opens here is not closed in line 2.",
            'Close it: model: "@cf/a/b"',
        ),
    ),
    "an apostrophe in single quotes": (
        HEAD + "    description: 'it's here'\n",
        (
            "5:18",
            "'it's here'",
            "Text follows after the ' that ends the value.",
            'Put the whole value in quotes: description: "it\'s here"',
        ),
    ),
    "text after a quoted word": (
        HEAD + '    description: "best" bot # ever\n',
        (
            "5:18",
            '"best" bot',
            'Text follows after the " that ends the value.',
            "Put the whole value in quotes: description: '\"best\" bot'",
        ),
    ),
    "text that begins with a bracket": (
        HEAD + "    description: [beta] answers\n",
        (
            "5:18",
            "[beta] answers",
            "Text follows after the ] that ends the value.",
            'Put the whole value in quotes: description: "[beta] answers"',
        ),
    ),
    "a list that is not closed, at the end": (
        "version: 1\nremoved: [a, b\n",
        ("2:10", "[", "The [ that opens here is never closed.", "Put ] at its end."),
    ),
    "a list that is not closed, before more": (
        "removed: [a, b\nfinetunes:\n  a: {labels: {x: y}}\n",
        ("1:10", "[", "The [ that opens here is never closed.", "Put ] at its end."),
    ),
    "a mapping in braces that is not closed": (
        HEAD + "    labels: {team: x\n    public: true\n",
        ("5:13", "{", "The { that opens here is never closed.", "Put } at its end."),
    ),
    "a comma that is missing in JSON": (
        '{"version": 1\n "finetunes": {"a": "}"}}\n',
        (
            "2:2",
            '"finetunes"',
            "Before this there is no comma, and no } that closes the { in line 1.",
            "Put a comma between two entries. A text with : , [ ] { or } in it needs quotes.",
        ),
    ),
    "a field that is indented too far": (
        HEAD + "      public: true\n",
        ("5:7", "public: true", INDENT.format(7), "Begin it in column 5 (as line 4)."),
    ),
    "a field that is indented too little": (
        HEAD + "   public: true\n",
        (
            "5:4",
            "public: true",
            INDENT.format(4),
            "Begin it in column 5 (as line 4) or column 3 (as line 3).",
        ),
    ),
    "a block text whose last line is indented too little": (
        HEAD + "    description: |\n      one\n     two\n",
        (
            "7:6",
            "two",
            INDENT.format(6),
            "Begin it in column 7 (as line 6) or column 5 (as line 5).",
        ),
    ),
    "a first line that is indented": (
        "  version: 1\nfinetunes:\n",
        ("2:1", "finetunes:", INDENT.format(1), "Begin it in column 3 (as line 1)."),
    ),
    "a description with a colon": (
        HEAD + "    description: Note: answers tickets # all\n",
        (
            "5:18",
            "Note: answers tickets",
            "The value has a colon in it, which begins another field.",
            'Put the whole value in quotes: description: "Note: answers tickets"',
        ),
    ),
    "a mention with a colon": (
        HEAD + "    description: @bob: hello\n",
        (
            "5:18",
            "@bob: hello",
            "The value has a colon in it, which begins another field.",
            'Put the whole value in quotes: description: "@bob: hello"',
        ),
    ),
    "a name without its colon": (
        "version: 1\nfinetunes:\n  bot\n    model: x\n",
        ("3:3", "bot", "There is no colon in line 3.", "Write: bot:"),
    ),
    "a field without its colon": (
        "version: 1\nmodel x # note\npublic: true\n",
        ("2:1", "model x", "There is no colon in line 2.", "Write: model: x"),
    ),
    "a field without its colon, at the end": (
        "version: 1\npublic\n",
        ("2:1", "public", "There is no colon in line 2.", "Write: public:"),
    ),
    "an equals sign": (
        "version = 1\nfinetunes:\n",
        ("1:1", "version = 1", "There is no colon in line 1.", "Write: version: 1"),
    ),
    "a backtick": (
        HEAD + "    description: `code` x\n",
        (
            "5:18",
            "`code` x",
            "A value cannot begin with ` as it is.",
            'Put the whole value in quotes: description: "`code` x"',
        ),
    ),
    "a per cent sign": (
        HEAD + "    description: %x\n",
        (
            "5:18",
            "%x",
            "A value cannot begin with % as it is.",
            'Put the whole value in quotes: description: "%x"',
        ),
    ),
    "an asterisk": (
        HEAD + "    description: *bold* x\n",
        (
            "5:18",
            "*bold* x",
            "A value cannot begin with * as it is.",
            'Put the whole value in quotes: description: "*bold* x"',
        ),
    ),
    "an ampersand": (
        HEAD + "    description: &amp; x\n",
        (
            "5:18",
            "&amp; x",
            "A value cannot begin with & as it is.",
            'Put the whole value in quotes: description: "&amp; x"',
        ),
    ),
    "a path of Windows": (
        HEAD + '    adapter: "C:\\models\\a"\n',
        (
            "5:17",
            "\\m",
            "In double quotes a \\ begins an escape, and there is none like this.",
            "Use single quotes, in which \\ means itself; write other characters as they are.",
        ),
    ),
    "a list that is not closed, with nothing in it": (
        "version: 1\nremoved: [\n",
        ("2:10", "[", "The [ that opens here is never closed.", "Put ] at its end."),
    ),
    "two commas": (
        "removed: [a,,b]\n",
        ("1:13", ",", "Before this there is no value.", "Write one, or remove the comma."),
    ),
    "a bracket too many": (
        "removed: [a]]\n",
        ("1:13", "]", "The ] closes nothing.", "Remove it."),
    ),
    "a value that begins with a comma": (
        "name: , x\n",
        (
            "1:7",
            ", x",
            "A value cannot begin with , as it is.",
            'Put the whole value in quotes: name: ", x"',
        ),
    ),
    "no space after the dash": (
        "removed:\n- a\n-b\n",
        ("3:1", "-b", "There is no space after the - in line 3.", "Write: - b"),
    ),
    "a block text that is not indented": (
        HEAD + "    description: |\n    text\n",
        (
            "6:5",
            "text",
            "The text of a | or > is indented deeper than its field, and this is not.",
            "Indent it with more spaces.",
        ),
    ),
    "a list item among fields": (
        "version: 1\n- a\n",
        (
            "2:1",
            "-",
            "Did not find expected key while parsing a block mapping.",
            "In a block all lines are `name: value`, or all begin with -.",
        ),
    ),
    "a merge conflict": (
        "version: 1\n<<<<<<< HEAD\nfinetunes:\n=======\nremoved: []\n>>>>>>> other\n",
        (
            "2:1",
            "<<<<<<< HEAD",
            "The file has an unresolved merge conflict.",
            "Decide between the two versions, and remove the lines <<<<<<<, ======= and >>>>>>>.",
        ),
    ),
    "a version of YAML that there is not": (
        "%YAML 3.0\n---\nversion: 1\n",
        (
            "1:1",
            "%",
            "Found incompatible YAML document.",
            "Remove the line that begins with %YAML.",
        ),
    ),
    "a list that begins in the line of its key": (
        "removed: - a\n",
        (
            "1:10",
            "-",
            "Block sequence entries are not allowed in this context.",
            "Begin a list on a line of its own, or use [a, b].",
        ),
    ),
    "text in the line of a block mark": (
        HEAD + "    description: | text\n",
        (
            "5:20",
            "t",
            "Did not find expected comment or line break while scanning a block scalar.",
            "After | or > the text begins on the next line.",
        ),
    ),
    "something after the end of JSON": (
        '{"version": 1} x\n',
        (
            "1:16",
            "x",
            "Did not find expected <document start>.",
            "A document has one mapping at its top; begin another with ---.",
        ),
    ),
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_with_its_mend(text: str, expected: tuple[str, str, str, str]) -> None:
    problem = syntax_error(text)
    place = str(problem.range).removeprefix("a.yaml:")
    assert (place, marked(problem), problem.detail, problem.hint) == expected


@pytest.mark.parametrize("name", [name for name in MISTAKES if name != "a merge conflict"])
def test_a_mistake_is_told_at_the_same_place_with_windows_line_ends(name: str) -> None:
    text, expected = MISTAKES[name]
    problem = syntax_error(text.replace("\n", "\r\n"))
    assert (str(problem.range).removeprefix("a.yaml:"), marked(problem)) == expected[:2]


@pytest.mark.parametrize(
    ("mistake", "mended"),
    [
        ("description: Note: answers", "description: "),
        ("description: [beta] answers", "description: "),
        ("description: *bold* x", "description: "),
        ('description: "best" bot', "description: "),
        ("description: 'it's here'", "description: "),
        ("description: @bob: hello", "description: "),
        ('adapter: "x', "adapter: "),
    ],
)
def test_the_line_of_the_hint_is_valid_yaml(mistake: str, mended: str) -> None:
    hint = syntax_error(f"version: 1\n{mistake}\n").hint
    line = hint[hint.index(mended) :]
    assert isinstance(yaml.safe_load(line), dict)


def test_an_error_that_nobody_foresaw_is_told_as_libyaml_says_it() -> None:
    problem = syntax_error("a: b\n...\n%FOO\n? x\n: y: z\n")
    assert problem.detail
    assert problem.hint


def test_a_syntax_error_replaces_what_was_said_about_its_line() -> None:
    _, problems = parse(Source("a.yaml", "a: @b\nc: @d: e\n"))
    assert [(p.code, str(p.range)) for p in problems] == [
        ("R112", "a.yaml:1:4"),
        ("R103", "a.yaml:2:4"),
    ]


def test_no_secret_is_repeated_by_a_hint() -> None:
    for line in (
        "password: hunter2: x",
        "api_token:hunter2",
        "token: 'hunter2",
        "secret: [hunter2",
    ):
        _, problems = parse(Source("a.yaml", f"version: 1\n{line}\nname: x\n"))
        assert problems
        assert "hunter2" not in repr(problems)


FRAGMENTS = """\
version: 1|finetunes:|  bot:|    model: x|- a|  - b|a: [b|c: 'd|e: "f|\tg: h|i:j|{|}|]|k: >|    l
# m|n: @o|p: *q|&r s: t|? u|: v|---|...|%YAML 1.2|<<: {}|!x y: z|é: 'ü': ö|   ||"|'|a: b: c"""
LINES = st.sampled_from(FRAGMENTS.replace("\n", "|").split("|"))


@given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_whatever_lines_come_together_the_error_has_a_place_in_them(
    lines: list[str], end: str
) -> None:
    text = end.join(lines)
    _, problems = parse(Source("a.yaml", text))
    for problem in problems:
        assert problem.detail.endswith(".")
        assert problem.hint
        assert problem.range is not None
        assert problem.range.start <= problem.range.end
        assert problem.range.start.line <= len(lines) + 1
