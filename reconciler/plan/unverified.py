"""Finetunes of which nobody knows which files they have, said once for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import plan as codes
from reconciler.diagnostics.text import to_paste
from reconciler.model import Finetune
from reconciler.state import AssetStatus, Generation

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Unverified:
    """A declared finetune whose files are not known.

    was_there: the files that were to be uploaded from here, and that the account had already;
    none of an adopted one. is_new: the plan adopts it.
    """

    finetune: Finetune
    id: str
    was_there: tuple[str, ...] = ()
    is_new: bool = False


def recorded_unverified(finetune: Finetune, current: Generation) -> Unverified | None:
    """Return what is recorded so; None once it answered: then it has files that do."""
    files = {n: a for n, a in current.assets.items() if a.status is AssetStatus.UNVERIFIED}
    answered = current.verification is not None and current.verification.answered
    if not files or not finetune.adapter or answered:
        return None
    # Of an adopted one no digest is known.
    was_there = tuple(sorted(name for name, asset in files.items() if asset.sha256))
    return Unverified(finetune, current.id, was_there)


def say_unverified(found: Iterable[Unverified]) -> Iterator[Diagnostic]:
    """Yield a warning of those that were adopted, and one of those that had a file already."""
    listed = list(found)
    adopted = [item for item in listed if not item.was_there]
    if adopted:
        one = len(adopted) == 1
        yield _warning(
            f"{_names(adopted)} {'was' if one else 'were'} not uploaded from here, and the API "
            f"does not show which files {'it has' if one else 'they have'}.",
            adopted,
        )
    had_already = [item for item in listed if item.was_there]
    if had_already:
        files = " and ".join(sorted({name for item in had_already for name in item.was_there}))
        yield _warning(
            f"The account had {files} of {_names(had_already)} already when it was to be uploaded "
            "from here, and the API does not show which bytes it has.",
            had_already,
        )


def _warning(detail: str, about: list[Unverified]) -> Diagnostic:
    them, answer = ("Its", "it answers") if len(about) == 1 else ("Their", "they answer")
    after = "After the apply, ask" if any(item.is_new for item in about) else "Ask"
    names = [item.finetune.address.name for item in about]
    # Without a name it asks all.
    command = " ".join(["reconciler verify", *(names if len(names) <= _MOST_NAMED else ())])
    warning = codes.ASSETS_UNVERIFIED.warning(
        f"{detail} {them} files are neither compared nor sent again.",
        hint=f"{after} whether {answer}; then this is not said again:{to_paste(command)}",
    )
    if len(about) > 1:
        return warning
    finetune = about[0].finetune
    return warning.about(str(finetune.address)).at(finetune.range_of("adapter"))


def _names(about: list[Unverified]) -> str:
    named = [f"{item.finetune.remote_name} ({item.id})" for item in about[:_MOST_NAMED]]
    more = len(about) - len(named)
    return ", ".join([*named, *([f"and {more:,} more"] if more else [])])
