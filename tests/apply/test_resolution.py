"""A person's word: what cannot be the result of a create is refused, whatever they say."""

from __future__ import annotations

import pytest

from reconciler.apply.resolution import adopt, retry
from reconciler.diagnostics import DiagnosticError
from reconciler.model import Address, Listing, RemoteFinetune
from reconciler.state import AssetStatus
from tests.plan.samples import generation, id_of, intent, recorded, remote

BOT = Address("bot")


def test_what_is_adopted_lacks_its_files() -> None:
    state = recorded(pending={"bot": intent("bot", files="one")})

    after = adopt(state, BOT, id_of(1), Listing((remote(1, "bot"), remote(2, "bot"))))

    assert not after.pending
    assert after.serial == state.serial + 1
    current = after.finetunes[BOT].current
    assert (current.id, current.seen) == (id_of(1), True)
    assert {asset.status for asset in current.assets.values()} == {AssetStatus.PENDING}


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        (remote(2, "bot"), "lists no finetune"),
        (remote(1, "bot", description="x"), "another description than"),
        (remote(1, "else"), "another name than"),
        (remote(7, "bot"), "was listed before"),
        (remote(8, "bot"), "recorded already"),
    ],
)
def test_what_cannot_be_the_result_is_refused(listed: RemoteFinetune, why: str) -> None:
    """It has files of its own; adopted as the result it would be sent ours."""
    state = recorded({"other": generation(8, "bot")}, {"bot": intent("bot", known=[7])})
    wanted = listed.id if listed.id != id_of(2) else id_of(1)

    with pytest.raises(DiagnosticError, match=why) as caught:
        adopt(state, BOT, wanted, Listing((listed,)))

    assert caught.value.diagnostics[0].code == "R708"


def test_retry_drops_just_the_intents_that_were_named() -> None:
    state = recorded(pending={"bot": intent("bot"), "other": intent("other")})
    assert set(retry(state, [BOT], Listing()).pending) == {Address("other")}


def test_what_the_account_lists_cannot_be_retried() -> None:
    state = recorded(pending={"bot": intent("bot", known=[7]), "other": intent("other")})
    listing = Listing((remote(1, "bot"), remote(7, "bot")))

    with pytest.raises(DiagnosticError) as caught:
        retry(state, [BOT, Address("other")], listing)

    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.address) == ("R710", "finetune.bot")
    assert problem.hint.endswith(f"\n  reconciler resolve finetune.bot --adopt {id_of(1)}")


@pytest.mark.parametrize(
    "listed",
    [
        (remote(7, "bot"),),
        (remote(1, "bot", description="x"),),
        (remote(1, "bot"), remote(2, "bot")),
        (remote(8, "bot"),),
    ],
)
def test_what_proves_nothing_leaves_the_word_to_the_person(
    listed: tuple[RemoteFinetune, ...],
) -> None:
    state = recorded({"other": generation(8, "bot")}, {"bot": intent("bot", known=[7])})
    assert not retry(state, [BOT], Listing(listed)).pending
