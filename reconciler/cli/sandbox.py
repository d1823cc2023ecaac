"""`reconciler sandbox`."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import click

from reconciler.cli.files import SANDBOX_FOLDER, make_private_folder
from reconciler.cli.interrupts import orderly_stop
from reconciler.cli.options import DURATION
from reconciler.cli.terminal import Terminal, tell_at_once
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.sandbox import RequestRecord, Sandbox, SandboxError, SandboxSettings


@click.command("sandbox")
@click.option("--port", type=click.IntRange(0, 65535), default=8787, help="0 picks one [8787].")
@click.option("--latency", type=DURATION, default=0.0, metavar="MILLISECONDS")
@click.option("--quota", type=click.IntRange(min=0), default=100, help="Most finetunes [100].")
@click.option(
    "--adapter-delay",
    type=DURATION,
    default=0.0,
    metavar="SECONDS",
    help="How long inference does not know a fresh adapter [0].",
)
@click.option(
    "--data", metavar="DIR", help="Where the account is kept [.reconciler/sandbox, as --sandbox]."
)
@click.pass_obj
def command(
    terminal: Terminal,
    port: int,
    latency: float,
    quota: int,
    adapter_delay: float,
    data: str | None,
) -> int:
    """Serve an emulated account on this machine until interrupted.

    What it prints first are the variables that send any client of the API there.

    \b
    Example:
      reconciler sandbox --latency 200
    """
    folder = Path(data) if data else make_private_folder(Path(SANDBOX_FOLDER)) / "sandbox"
    settings = replace(
        SandboxSettings(), latency=latency / 1000, quota=quota, adapter_delay=adapter_delay
    )
    stop = threading.Event()

    def log(record: RequestRecord) -> None:
        terminal.err(f"{record.method} {record.path} {record.status}")

    try:
        with (
            orderly_stop(stop, lambda _: tell_at_once("\nEnding.\n")),
            Sandbox(folder, settings, port=port, on_request=log) as sandbox,
        ):
            terminal.out(f"export CLOUDFLARE_API_BASE_URL={sandbox.base_url}")
            terminal.out(f"export CLOUDFLARE_ACCOUNT_ID={settings.account_id}")
            terminal.out(f"export CLOUDFLARE_API_TOKEN={settings.token}")
            terminal.err(f"Serving {sandbox.base_url}; Ctrl-C ends it.")
            stop.wait()
    except SandboxError as error:
        raise DiagnosticError(codes.SANDBOX_FAILED.error(str(error), hint=error.hint)) from error
    return 0
