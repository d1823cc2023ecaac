"""Fills in what faults.md says of the tests, and of the last exploration.

    python docs/make_faults.py [REPORT...]

The table of the rows is made from the names of the tests; a test compares it with them. The
figures are made from the reports of `make explore`, where some are given.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "faults.md"
ROOT = PAGE.parent.parent

SECTIONS: dict[str, dict[int, str]] = {
    "A crash in an apply": {
        1: "killed before the intent is durable",
        2: "killed with the intent durable and the request unsent",
        3: "killed in the middle of the request",
        4: "executed, and killed before the answer is read",
        5: "killed with the answer read and the id unsaved",
        6: "killed between the two files of an adapter",
        7: "killed in the middle of a file",
        8: "killed again in the recovery",
        9: "SIGINT once, and twice",
        10: "SIGTERM, SIGHUP, SIGPIPE",
        11: "the clock is a day off before the rerun",
    },
    "The API": {
        12: "connection refused, no such host, TLS that fails",
        13: "reset before the answer",
        14: "closed after it was executed",
        15: "timed out, executed later",
        16: "502, 503, 504, 520 to 530 with HTML",
        17: "500 with JSON, created all the same",
        18: "200 with `success: false`",
        19: "200 that is cut off",
        20: "200 without an id, or with one of another type",
        21: "429 with every kind of `retry-after`",
        22: "400, 401, 403, 404, 422",
        23: "409, or an error that says that it exists",
        24: "any redirect",
        25: "an answer byte by byte",
        26: "a gzip bomb, a body without end",
        27: "a list that is null, an object, HTML, or missing",
        28: "a name twice in the list",
        29: "fields that nobody knows",
        30: "a number of finetunes that differs from what was read",
        31: "a list that lags",
        32: "the answer to an upload is lost, or says that it exists",
        33: "an upload is refused",
        34: "an upload is cut off",
        35: "a connection that was kept and is dead",
    },
    "Files": {
        36: "no space or an I/O error at a write, sync or close of the intent",
        37: "the same after the answer",
        38: "a rename that fails",
        39: "a short write",
        40: "a sync that fails once",
        41: "a state that is empty, torn, or has a bit flipped",
        42: "a state of a newer release, another account, another lineage",
        43: "an old backup is put back",
        44: "umask 0; a state or lock that is a symbolic link",
        45: "an adapter that changed after the plan, or while it is sent",
        46: "an adapter that is a pipe, a device, a folder, or too large",
    },
    "Two at once": {
        47: "two applies",
        48: "the holder of the lock is killed",
        49: "the lock file is removed while it is held",
        50: "a file system that cannot lock",
        51: "two machines without a common lock",
        52: "somebody else creates one of that name after the plan",
    },
    "Hostile input and CI": {
        53: "duplicate keys",
        54: "tags of Python, merge keys, an alias of itself",
        55: "nested 100,000 deep",
        56: "billion laughs",
        57: "numbers and words that YAML takes for something else",
        58: "characters that cannot be seen",
        59: "weights whose header lies",
        60: "paths out of the project",
        61: "an address of the API, or a credential, in a file",
        62: "commands of a CI log in names and descriptions",
        63: "mentions, links, pictures and HTML in names and descriptions",
        64: "a plan file that was edited",
        65: "a credential in a log, a plan or a state",
        66: "netrc, a proxy of the environment, a redirect",
        67: "a fork's pull request, which has no token",
    },
}
NAMED = range(1, 68)
"""The rows each of which must have a test that is named after it."""


def rows_of(name: str) -> list[int]:
    """The rows that a test is named after: `test_row_7_...`, `test_rows_1_to_5_and_8_...`."""
    found = re.match(r"test_(rows?)_(\d.*)", name)
    if not found:
        return []
    if found[1] == "row":
        return [int(found[2].partition("_")[0])]
    rows: list[int] = []
    words = found[2].split("_")
    for before, word in zip(["", *words], words, strict=False):
        if word.isdigit():
            rows += range(rows[-1] + 1, int(word) + 1) if before == "to" else [int(word)]
        elif word not in ("to", "and"):
            break
    return rows


def tests_by_row() -> dict[int, list[tuple[Path, str]]]:
    """Every test that is named after a row, by the row, in the order of files and places."""
    by_row: dict[int, list[tuple[Path, str]]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for row in rows_of(node.name):
                    by_row[row].append((path, node.name))
    return by_row


def table() -> str:
    """The table of all rows."""
    by_row = tests_by_row()
    return "\n".join(
        line for title, rows in SECTIONS.items() for line in _section(title, rows, by_row)
    )


def _section(
    title: str, rows: dict[int, str], by_row: dict[int, list[tuple[Path, str]]]
) -> Iterator[str]:
    yield f"### {title}\n"
    yield "| row | fault | tests |"
    yield "|---|---|---|"
    for row, fault in rows.items():
        names: dict[Path, list[str]] = defaultdict(list)
        for path, name in by_row[row]:
            names[path].append(_shortened(name))
        tests = "<br>".join(
            f"[{path.stem}](../{path.relative_to(ROOT).as_posix()}): {'; '.join(said)}"
            for path, said in names.items()
        )
        yield f"| {row} | {fault} | {tests} |"
    yield ""


def _shortened(name: str) -> str:
    """A test's name without the rows that it begins with, as words."""
    return re.sub(r"^test_rows?_(?:(?:\d+|to|and)_)+", "", name).replace("_", " ")


def figures(reports: Sequence[dict[str, Any]]) -> str:
    """The figures of explorations, a table a part."""
    return "\n".join(line for report in reports for line in _figures(report))


def _figures(report: dict[str, Any]) -> Iterator[str]:
    system = f"{report['machine'].split('-')[0]}, Python {report['python']}"
    for part in report["parts"]:
        minutes = part["seconds"] / 60
        yield f"### {part['title']}\n"
        yield f"{minutes:.1f} minutes, {report['jobs']} at once, seed {report['seed']}; {system}.\n"
        yield "| | |"
        yield "|---|---|"
        if part["skipped"]:
            yield f"| not run | {part['skipped']} |"
        for name, value in part["figures"].items():
            yield f"| {name} | {_told(value)} |"
        if part["not_reached"]:
            yield f"| not reached, time was over | {part['not_reached']:,} |"
        yield f"| broken promises | {len(part['failures']) or 'none'} |"
        yield ""


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_told(number)}" for key, number in value.items())
    if isinstance(value, list):
        return "<br>".join(_told(item) for item in value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def filled(text: str, place: str, content: str) -> str:
    """Replace what stands between `<!-- PLACE: -->` and `<!-- end -->`."""
    found = re.search(rf"(<!-- {place}: .*? -->\n).*?(<!-- end -->)", text, re.DOTALL)
    if not found:
        raise ValueError(f"the page has no place for {place}")
    start, end = found.span()
    return f"{text[:start]}{found[1]}\n{content}\n{found[2]}{text[end:]}"


def page() -> str:
    """The page with the rows as the tests are named now."""
    return filled(PAGE.read_text(), "rows", table())


def main() -> None:
    """Write the page."""
    text = page()
    if sys.argv[1:]:
        reports = [json.loads(Path(name).read_text()) for name in sys.argv[1:]]
        text = filled(text, "figures", figures(reports))
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
