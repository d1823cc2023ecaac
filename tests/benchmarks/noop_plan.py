"""A plan of 1,000 entries without changes, against Terraform's of 1,000 terraform_data."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.projects import account, write_project
from tests.benchmarks.report import COMMAND, Row, best, run

NUMBER = 1000


def measure() -> Iterator[Row]:
    with account() as (_, env), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder, NUMBER)
        run([*COMMAND, "apply", "--auto-approve"], cwd=folder, env=env)
        ours = best(lambda: run([*COMMAND, "plan"], cwd=folder, env=env))
    yield Row(f"no-op plan of {NUMBER:,}", ours * 1000, "ms")
    if terraform := shutil.which("terraform"):
        theirs = _terraform(terraform)
        yield Row(f"  / terraform plan of {NUMBER:,}", ours / theirs, "x", 0.5)


def _terraform(terraform: str) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "main.tf").write_text(
            'resource "terraform_data" "x" {\n'
            f"  count = {NUMBER}\n"
            '  input = "value ${count.index}"\n}\n'
        )
        run([terraform, "init"], cwd=folder)
        run([terraform, "apply", "-auto-approve"], cwd=folder)
        return best(lambda: run([terraform, "plan"], cwd=folder))
