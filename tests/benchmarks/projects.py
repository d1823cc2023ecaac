"""Made-up projects for the benchmarks: a manifest, and the sandbox as its account."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reconciler.sandbox import Sandbox, SandboxSettings

MODEL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"


@contextmanager
def account(quota: int = 1_000_000) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """Serve an account with much room; yields it and the environment that leads there."""
    settings = replace(SandboxSettings(), quota=quota)
    with tempfile.TemporaryDirectory() as folder, Sandbox(Path(folder) / "data", settings) as box:
        yield (
            box,
            {
                "CLOUDFLARE_API_BASE_URL": box.base_url,
                "CLOUDFLARE_ACCOUNT_ID": settings.account_id,
                "CLOUDFLARE_API_TOKEN": settings.token,
            },
        )


def write_project(folder: Path, number: int, prefix: str = "bot") -> None:
    lines = ["version: 1", "finetunes:"]
    for index in range(number):
        lines += [
            f"  {prefix}-{index}:",
            f'    model: "{MODEL}"',
            f"    description: The {index}th of its kind.",
        ]
    (folder / "finetunes.yaml").write_text("\n".join(lines) + "\n")
    (folder / "reconciler.yaml").write_text("version: 1\nlimits: {max_finetunes: 1000000}\n")
