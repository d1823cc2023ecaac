"""Flags that several commands share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from reconciler.cli.terminal import Terminal

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Function], Function]


def _all(*decorators: Decorator[Any]) -> Decorator[Any]:
    def apply(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def _not_empty(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Refuse `--state "$STATE"` with STATE unset: it would mean another state in silence."""
    given = param.name and ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
    if given and not value:
        raise click.BadParameter("it is empty.")
    return value


def _state(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if _not_empty(ctx, param, value):
        _repeat(ctx, "--state", value)
    return value


def _sandbox(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    if value:
        _repeat(ctx, "--sandbox")
    return value


def _repeat(ctx: click.Context, *words: str) -> None:
    """Have these flags in every command that is advised."""
    terminal = ctx.find_object(Terminal)
    if terminal is not None:
        terminal.flags = (*terminal.flags, *words)


class _Duration(click.FloatRange):
    """A time of 0 or more; `inf` is for ever. `nan` is below nothing, so no wait would end."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail("nan is not a time.", param, ctx)
        return seconds


class _Wait(_Duration):
    """Seconds, or what Terraform's own -lock-timeout takes: 60s, 1m30s."""

    _UNITS = re.compile(r"(?=.)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if found := self._UNITS.fullmatch(str(value)):
            hours, minutes, seconds = (float(part or 0) for part in found.groups())
            return hours * 3600 + minutes * 60 + seconds
        return super().convert(value, param, ctx)


DURATION = _Duration(min=0)

manifest_option: Decorator[Any] = click.option(
    "-f",
    "--manifest",
    "manifests",
    multiple=True,
    metavar="PATH",
    help="A manifest, a folder of them, or - for standard input. Repeatable.",
)

state_options: Decorator[Any] = _all(
    click.option(
        "--state",
        default="",
        metavar="PATH|URL",
        callback=_state,
        help="Where the state is kept.",
    ),
    click.option(
        "--sandbox",
        is_flag=True,
        callback=_sandbox,
        help="Use the emulated account in .reconciler/.",
    ),
)

lock_option: Decorator[Any] = click.option(
    "--lock-timeout",
    type=_Wait(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait for the lock of the state; 1m30s is taken, too.",
)

account_options: Decorator[Any] = _all(
    click.option("--base-url", metavar="URL", help="Where the API is; https unless loopback."),
    lock_option,
)

answer_option: Decorator[Any] = click.option(
    "--answer-timeout",
    type=DURATION,
    default=300.0,
    metavar="SECONDS",
    help="How long to go on asking, all together; 0 asks each once [300].",
)

scope_options: Decorator[Any] = _all(
    click.option(
        "--target", "targets", multiple=True, metavar="ADDRESS", help="Only this one. Repeatable."
    ),
    click.option(
        "--selector",
        "selectors",
        multiple=True,
        metavar="LABEL=VALUE",
        help="Only finetunes with this label. Repeatable.",
    ),
)
