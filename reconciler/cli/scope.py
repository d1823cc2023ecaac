"""Which finetunes a command is about: addresses, --target and --selector."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.model import Address, Desired
from reconciler.plan import Scope
from reconciler.state import State


def parse_address(text: str, flag: str = "") -> Address:
    """Read one address; DiagnosticError (R201) where it is none. flag: where it was written."""
    address = Address.parse(text)
    if address is None:
        raise DiagnosticError(
            codes.INVALID_USAGE.error(
                f"{flag} {text}: not an address.".lstrip(), hint="Write finetune.NAME or NAME."
            )
        )
    return address


def parse_addresses(texts: Iterable[str], flag: str = "") -> tuple[Address, ...]:
    """Read addresses; each is returned once, in order."""
    return tuple(sorted({parse_address(text, flag) for text in texts}))


def choose_recorded(state: State, texts: Iterable[str]) -> tuple[Address, ...]:
    """Return the recorded finetunes that were named, all without a name; R205 for others."""
    wanted = parse_addresses(texts) or tuple(sorted(state.finetunes))
    missing = [address for address in wanted if address not in state.finetunes]
    if missing:
        raise DiagnosticError(*(_not_recorded(state, address) for address in missing))
    return wanted


def _not_recorded(state: State, address: Address) -> Diagnostic:
    if address in state.pending:
        return codes.UNKNOWN_ADDRESS.error(
            f"{address} is not recorded yet: its create is unresolved.",
            hint="`reconciler plan` shows what is known of it, and how to go on.",
        )
    return codes.UNKNOWN_ADDRESS.error(
        f"{address} is not recorded.", hint="`reconciler state list` shows what is."
    )


def parse_scope(
    targets: tuple[str, ...], selectors: tuple[str, ...], *, refreshed: bool = True
) -> Scope:
    """Read --target and --selector; DiagnosticError where they are malformed."""
    labels = {}
    for text in selectors:
        for part in text.split(","):
            key, separator, value = part.partition("=")
            if not separator or not key:
                raise DiagnosticError(
                    codes.INVALID_USAGE.error(
                        f"--selector {part}: not LABEL=VALUE.", hint="Write team=support."
                    )
                )
            labels[key] = value
    return Scope(parse_addresses(targets, "--target"), labels, refreshed)


def check_scope(scope: Scope, desired: Desired, state: State) -> None:
    """Refuse a scope that nobody is in; it would plan nothing and look like success."""
    known = {*desired.finetunes, *state.finetunes, *state.pending}
    unknown = [target for target in scope.targets if target not in known]
    if unknown:
        raise DiagnosticError(
            *(
                codes.UNKNOWN_ADDRESS.error(
                    f"{target} is neither declared nor recorded.",
                    hint=f"There are: {', '.join(map(str, sorted(known)[:10])) or 'none'}.",
                )
                for target in unknown
            )
        )
    _check_moved(scope, desired, state)
    if scope.selector and not any(map(scope.includes, desired.finetunes.values())):
        wanted = ", ".join(f"{key}={value}" for key, value in scope.selector.items())
        raise DiagnosticError(
            codes.UNKNOWN_ADDRESS.error(
                f"No declared finetune {'in scope ' if scope.targets else ''}has {wanted}.",
                hint="Check the `labels` in the manifests.",
            )
        )


def _check_moved(scope: Scope, desired: Desired, state: State) -> None:
    """Refuse an address that `moved` has made another one: it is planned there."""
    became = {old: new for new, old in desired.moved.items() if old not in desired.finetunes}
    moved = [t for t in scope.targets if t in became and t not in state.pending]
    if moved:
        raise DiagnosticError(
            *(
                codes.UNKNOWN_ADDRESS.error(
                    f"{target} became {became[target]}, as a `moved` entry says.",
                    hint=f"--target {became[target]}",
                )
                for target in moved
            )
        )
