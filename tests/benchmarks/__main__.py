"""Run the benchmarks and print the ratios that the docs quote.

    python -m tests.benchmarks [startup creates plan upload fetch projects]

What has a bound is a ratio of two things measured in the same run on the same machine.
"""

from __future__ import annotations

import sys

from tests.benchmarks import creates, fetch, many_projects, noop_plan, startup, upload
from tests.benchmarks.report import Row, print_table

BENCHMARKS = {
    "startup": startup.measure,
    "plan": noop_plan.measure,
    "creates": creates.measure,
    "upload": upload.measure,
    "fetch": fetch.measure,
    "projects": many_projects.measure,
}


def main(names: list[str]) -> int:
    rows: list[Row] = []
    for name in names or list(BENCHMARKS):
        rows.extend(BENCHMARKS[name]())
    print_table(rows)
    return 1 if any(row.is_over for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
