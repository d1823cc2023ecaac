from __future__ import annotations

import pytest

from reconciler.model import Address, Attributes, Listing, RemoteFinetune
from reconciler.refresh import PriorState, refresh
from reconciler.state import AssetStatus, State
from tests.plan.samples import generation, intent, record, recorded, records, remote
from tests.state.samples import MISTRAL, id_of

BOT, OTHER = Address("bot"), Address("other")


def look(state: State, *remotes: RemoteFinetune) -> PriorState:
    return refresh(state, Listing(remotes))


def noticed(prior: PriorState) -> set[str]:
    parts = ("gone", "unseen", "recovered", "drift", "unresolved")
    return {part for part in parts if getattr(prior, part)}


# What is recorded


def test_nothing_recorded_and_nothing_listed_is_nothing() -> None:
    prior = look(recorded())
    assert prior.state == recorded()
    assert noticed(prior) == set()


def test_what_is_as_recorded_changes_nothing() -> None:
    state = recorded({"bot": generation(1, "bot", description="x", files="one")})
    prior = look(state, remote(1, "bot", description="x"))
    assert prior.state == state
    assert noticed(prior) == set()


def test_what_was_seen_and_is_not_listed_is_gone() -> None:
    prior = look(recorded({"bot": generation(1, "bot"), "other": generation(2, "other")}))
    assert prior.gone == {BOT, OTHER}
    assert BOT in prior.state.finetunes


def test_what_was_never_listed_is_not_gone_but_unseen() -> None:
    prior = look(recorded({"bot": generation(1, "bot", seen=False)}))
    assert noticed(prior) == {"unseen"}
    assert prior.unseen == {BOT}
    assert not prior.state.finetunes[BOT].current.seen


def test_what_is_listed_for_the_first_time_counts_as_seen_from_then_on() -> None:
    prior = look(recorded({"bot": generation(1, "bot", seen=False)}), remote(1, "bot"))
    assert prior.unseen == frozenset()
    assert prior.state.finetunes[BOT].current.seen


def test_another_finetune_of_the_name_is_not_the_recorded_one() -> None:
    prior = look(recorded({"bot": generation(1, "bot")}), remote(2, "bot"))
    assert prior.gone == {BOT}


# Drift


@pytest.mark.parametrize(
    "found",
    [
        remote(1, "renamed"),
        remote(1, "bot", model="@cf/other"),
        remote(1, "bot", description="Said outside."),
    ],
    ids=["name", "model", "description"],
)
def test_what_the_account_shows_otherwise_is_drift_and_becomes_the_prior_state(
    found: RemoteFinetune,
) -> None:
    prior = look(recorded({"bot": generation(1, "bot")}), found)
    drift = prior.drift[BOT]
    assert (drift.id, drift.recorded) == (id_of(1), Attributes("bot", MISTRAL))
    assert drift.found == Attributes(found.name, found.model, found.description, None)
    now = prior.state.finetunes[BOT].current.attributes
    assert (now.name, now.model, now.description) == (found.name, found.model, found.description)


def test_what_the_list_does_not_show_is_kept_as_recorded() -> None:
    prior = look(recorded({"bot": generation(1, "bot", public=True)}), remote(1, "bot"))
    assert prior.drift == {}
    assert prior.state.finetunes[BOT].current.attributes.public is True


def test_what_the_list_shows_of_public_is_compared() -> None:
    shown = RemoteFinetune(id_of(1), "bot", MISTRAL, public=True)
    prior = look(recorded({"bot": generation(1, "bot")}), shown)
    assert prior.drift[BOT].found.public is True


def test_drift_is_in_the_order_of_the_addresses() -> None:
    names = ["c", "a", "b"]
    state = recorded({name: generation(i, name) for i, name in enumerate(names)})
    prior = look(state, *(remote(i, name, description="x") for i, name in enumerate(names)))
    assert [address.name for address in prior.drift] == ["a", "b", "c"]


# Superseded generations


def test_a_superseded_generation_that_is_gone_is_dropped() -> None:
    state = recorded({"bot": record(generation(3, "c"), generation(2, "b"), generation(1, "a"))})
    prior = look(state, remote(3, "c"), remote(1, "a"))
    assert [g.id for g in prior.state.finetunes[BOT].generations] == [id_of(3), id_of(1)]


def test_a_superseded_generation_that_was_never_listed_is_kept() -> None:
    state = recorded({"bot": record(generation(2, "b"), generation(1, "a", seen=False))})
    prior = look(state, remote(2, "b"))
    assert [g.seen for g in prior.state.finetunes[BOT].generations] == [True, False]


def test_a_superseded_generation_is_seen_when_it_is_listed() -> None:
    state = recorded({"bot": record(generation(2, "b"), generation(1, "a", seen=False))})
    prior = look(state, remote(2, "b"), remote(1, "a"))
    assert [g.seen for g in prior.state.finetunes[BOT].generations] == [True, True]


# Intents


def test_one_new_id_of_the_name_with_the_attributes_is_the_result() -> None:
    state = recorded(pending={"bot": intent("bot", files="one", known=[7])})
    prior = look(state, remote(7, "bot", description="old"), remote(8, "bot"))
    assert prior.recovered == {BOT}
    assert prior.unresolved == {}
    assert prior.state.pending == {}
    current = prior.state.finetunes[BOT].current
    assert (current.id, current.seen) == (id_of(8), True)
    assert current.attributes == Attributes("bot", MISTRAL, "", False)
    assert current.assets == records("one", AssetStatus.PENDING)


def test_a_result_supersedes_what_was_recorded() -> None:
    state = recorded({"bot": generation(1, "bot-old")}, {"bot": intent("bot-new")})
    prior = look(state, remote(1, "bot-old"), remote(2, "bot-new"))
    assert [g.id for g in prior.state.finetunes[BOT].generations] == [id_of(2), id_of(1)]


def test_a_result_does_not_supersede_what_is_gone() -> None:
    old = record(generation(2, "bot"), generation(1, "bot-old"))
    state = recorded({"bot": old}, {"bot": intent("bot")})
    prior = look(state, remote(1, "bot-old"), remote(3, "bot"))
    assert [g.id for g in prior.state.finetunes[BOT].generations] == [id_of(3), id_of(1)]
    assert (prior.gone, prior.unseen) == (frozenset(), frozenset())


def test_a_result_does_supersede_what_was_never_listed() -> None:
    state = recorded({"bot": generation(1, "bot-old", seen=False)}, {"bot": intent("bot")})
    prior = look(state, remote(2, "bot"))
    assert [g.id for g in prior.state.finetunes[BOT].generations] == [id_of(2), id_of(1)]


UNCLEAR = {
    "nothing of the name": [remote(8, "else")],
    "only what was there before": [remote(7, "bot")],
    "one with another description": [remote(8, "bot", description="x")],
    "one with another model": [remote(8, "bot", model="@cf/other")],
    "two": [remote(8, "bot"), remote(9, "bot")],
    "two, of which one is different": [remote(8, "bot"), remote(9, "bot", description="x")],
}


@pytest.mark.parametrize("listed", UNCLEAR.values(), ids=UNCLEAR)
def test_anything_else_stays_unresolved_with_its_candidates(listed: list[RemoteFinetune]) -> None:
    state = recorded(pending={"bot": intent("bot", known=[7])})
    prior = look(state, *listed)
    assert prior.state == state
    assert prior.recovered == frozenset()
    unresolved = prior.unresolved[BOT]
    assert unresolved.intent == state.pending[BOT]
    assert unresolved.candidates == tuple(r for r in listed if r.name == "bot" and r.id != id_of(7))


def test_what_is_recorded_elsewhere_is_no_candidate() -> None:
    state = recorded({"other": generation(8, "bot")}, {"bot": intent("bot")})
    assert look(state, remote(8, "bot")).unresolved[BOT].candidates == ()


def test_what_is_recorded_as_superseded_is_no_candidate() -> None:
    old = record(generation(9, "new"), generation(8, "bot"))
    state = recorded({"other": old}, {"bot": intent("bot")})
    assert look(state, remote(8, "bot"), remote(9, "new")).unresolved[BOT].candidates == ()


def test_of_two_creates_of_one_name_nobody_can_tell_whose_result_it_is() -> None:
    state = recorded(pending={"bot": intent("bot"), "other": intent("bot")})
    prior = look(state, remote(8, "bot"))
    assert list(prior.unresolved) == [BOT, OTHER]
    assert prior.state == state


def test_each_intent_is_settled_on_its_own() -> None:
    state = recorded(pending={"bot": intent("bot"), "other": intent("other")})
    prior = look(state, remote(8, "bot"))
    assert prior.recovered == {BOT}
    assert list(prior.unresolved) == [OTHER]
    assert list(prior.state.pending) == [OTHER]


# Without asking


def test_without_a_listing_everything_is_taken_as_recorded() -> None:
    state = recorded({"bot": generation(1, "bot", seen=False)}, {"z": intent("z")})
    prior = refresh(state, None)
    assert (prior.state, prior.listing) == (state, None)
    assert noticed(prior) == {"unresolved"}


def test_without_a_listing_every_intent_is_unresolved_in_the_order_of_the_addresses() -> None:
    prior = refresh(recorded(pending={"z": intent("z"), "a": intent("a")}), None)
    assert [address.name for address in prior.unresolved] == ["a", "z"]


# The listing


def test_a_listing_finds_by_name_in_the_order_of_the_answer() -> None:
    listing = Listing((remote(2, "bot"), remote(3, "other"), remote(1, "bot")))
    assert [r.id for r in listing.named("bot")] == [id_of(2), id_of(1)]
    assert listing.named("none") == ()


def test_listings_are_equal_where_their_finetunes_are() -> None:
    assert Listing((remote(1, "a"),)) == Listing((remote(1, "a"),))
    assert Listing((remote(1, "a"),)) != Listing((remote(2, "a"),))
    assert "_by_name" not in repr(Listing((remote(1, "a"),)))
