"""What the requests of a run come to in a month, for very many accounts.

Prices in US dollars, before taxes and discounts; docs/scale.md says where they are from.
R2: a write that fails its condition counts as a write, and usage is rounded up to the next
million; DeleteObject is free, and as nothing is said of DeleteObjects it counts as a write here.
S3, us-east-1: deletes are free. PostgreSQL: RDS, db.t4g.medium with gp3, us-east-1, one zone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from tests.benchmarks.report import Row

ACCOUNTS = 100_000
DAYS = 30
CHANGES = 4
"""In a month, each planned in its pull request and then applied; beside it a plan a day."""

R2_MILLION_WRITES, R2_MILLION_READS = 4.50, 0.36
R2_FREE_WRITES, R2_FREE_READS = 1, 10
S3_MILLION_WRITES, S3_MILLION_READS = 5.00, 0.40
DATABASE_HOUR, DATABASE_GB, DATABASE_GIGABYTES = 0.065, 0.115, 20


def monthly(plan: Counter[str], apply: Counter[str]) -> Iterator[Row]:
    """Rows for object storage. plan, apply: requests of one of them, by method."""
    plans, applies = ACCOUNTS * (DAYS + CHANGES), ACCOUNTS * CHANGES

    def millions(method: str) -> float:
        return (plan[method] * plans + apply[method] * applies) / 1e6

    puts, deletes, gets = millions("PUT"), millions("POST") + millions("DELETE"), millions("GET")
    yield Row(f"{ACCOUNTS:,} accounts, a month: runs", (plans + applies) / 1e6, "million")
    yield Row("  writes", puts, "million")
    yield Row("  deletes", deletes, "million")
    yield Row("  reads", gets, "million")
    r2 = R2_MILLION_WRITES * math.ceil(max(0, puts + deletes - R2_FREE_WRITES))
    r2 += R2_MILLION_READS * math.ceil(max(0, gets - R2_FREE_READS))
    yield Row("  R2", r2, "dollars")
    yield Row("  S3", S3_MILLION_WRITES * puts + S3_MILLION_READS * gets, "dollars")
    database = DATABASE_HOUR * 24 * DAYS + DATABASE_GB * DATABASE_GIGABYTES
    yield Row(f"  PostgreSQL, 2 vCPU and {DATABASE_GIGABYTES} GB in one zone", database, "dollars")
