"""What every store must pass. A store's test class inherits this and says where its place is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from reconciler.diagnostics import DiagnosticError
from reconciler.model import Address, Attributes
from reconciler.state import (
    FinetuneRecord,
    Generation,
    State,
    StateLock,
    StateStore,
    encode_state,
)
from tests.state.samples import empty, large, rich
from tests.stores.abilities import Ability, lacks, needs
from tests.stores.conformance_lost import LostConnections
from tests.stores.contender import contenders, info
from tests.stores.place import Place, locking, of_version, refused


class StoreConformance(LostConnections):
    """State, compare-and-swap, lock; then, inherited, what a lost connection does."""

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    # Load and save

    def test_there_is_no_state_at_first(self, place: Place) -> None:
        assert place.open().load() is None

    @pytest.mark.parametrize("state", [empty(), rich()], ids=["empty", "rich"])
    def test_what_is_saved_is_loaded_by_others(self, place: Place, state: State) -> None:
        version = place.open().save(state, "")
        snapshot = place.open().load()
        assert snapshot is not None
        assert snapshot.state == state
        assert snapshot.version == version

    def test_what_is_kept_are_the_bytes_of_the_codec(self, place: Place) -> None:
        place.open().save(rich(), "")
        assert place.read() == encode_state(rich())

    def test_a_state_of_5_megabytes_comes_back(self, place: Place) -> None:
        state = large(10_000)
        assert len(encode_state(state)) > 5_000_000
        place.open().save(state, "")
        snapshot = place.open().load()
        assert snapshot is not None
        assert snapshot.state == state

    def test_saves_follow_one_another_with_the_versions_they_return(self, place: Place) -> None:
        store, state, version = place.open(), empty(), ""
        for _ in range(5):
            state = state.following({}, {})
            version = store.save(state, version)
        snapshot = place.open().load()
        assert snapshot is not None
        assert snapshot.state.serial == 5

    def test_every_character_comes_back(self, place: Place) -> None:
        text = "Zoë お客様 😀 \u202eabc a\u0301 \u2028 \x00 \x1b[2J \uffff \U0010ffff"
        generation = Generation(text, Attributes(text, text, text), {})
        state = replace(empty(), finetunes={Address("bot"): FinetuneRecord(generation)})
        place.open().save(state, "")
        snapshot = place.open().load()
        assert snapshot is not None
        assert snapshot.state == state

    def test_the_location_holds_what_the_user_gave(self, place: Place) -> None:
        assert place.open().location == place.address

    # Compare-and-swap

    def test_a_first_state_does_not_replace_another_first_state(self, place: Place) -> None:
        place.open().save(rich(), "")
        assert refused(lambda: place.open().save(empty(), "")) == "R405"
        assert place.read() == encode_state(rich())

    def test_a_successor_of_nothing_is_refused(self, place: Place) -> None:
        other = place.open().save(rich(), "")
        place.open().save(empty(), other)
        assert refused(lambda: place.open().save(rich(), other)) == "R405"

    def test_a_successor_of_what_never_was_is_refused(self, place: Place) -> None:
        assert refused(lambda: place.open().save(rich(), "no such version")) == "R405"
        assert place.open().load() is None

    def test_a_lost_update_is_refused(self, place: Place) -> None:
        first = place.open().save(empty(), "")
        ours, theirs = place.open(), place.open()
        their_state = empty().following({}, {})
        theirs.save(their_state, first)
        assert refused(lambda: ours.save(rich(), first)) == "R405"
        assert place.read() == encode_state(their_state)

    @needs(Ability.SWAP_WITHOUT_LOCK)
    def test_of_20_that_replace_one_version_without_a_lock_one_wins(self, place: Place) -> None:
        place.open().save(empty(), "")
        assert self._codes_of_20(place, "swap") == [0] + [105] * 19
        snapshot = place.open().load()
        assert snapshot is not None
        assert snapshot.state.serial == 1

    @needs(Ability.SWAP_WITHOUT_LOCK)
    def test_of_20_that_begin_a_state_one_wins(self, place: Place) -> None:
        assert self._codes_of_20(place, "swap") == [0] + [105] * 19

    @lacks(Ability.SWAP_WITHOUT_LOCK)
    def test_of_20_that_replace_one_version_under_the_lock_one_wins(self, place: Place) -> None:
        place.open().save(empty(), "")
        assert self._codes_of_20(place, "swap_locked") == [0] + [105] * 19
        snapshot = place.open().load()
        assert snapshot is not None
        assert snapshot.state.serial == 1

    @lacks(Ability.SWAP_WITHOUT_LOCK)
    def test_of_20_that_begin_a_state_under_the_lock_one_wins(self, place: Place) -> None:
        assert self._codes_of_20(place, "swap_locked") == [0] + [105] * 19

    def _codes_of_20(self, place: Place, mode: str) -> list[int]:
        with contenders(20, mode, place.address, place.root) as all_of_them:
            for contender in all_of_them:
                contender.go()
                assert contender.hear() == "loaded"
            for contender in all_of_them:
                contender.go()
            return sorted(contender.end()[0] for contender in all_of_them)

    # Bad bytes

    def test_a_torn_state_is_damaged(self, place: Place) -> None:
        raw = encode_state(rich())
        for length in (0, 1, len(raw) // 2, len(raw) - 1):
            place.write(raw[:length])
            assert refused(place.open().load) == "R402"

    def test_a_newer_state_is_refused_and_kept(self, place: Place) -> None:
        newer = of_version(2)
        place.write(newer)
        assert refused(place.open().load) == "R403"
        assert refused(lambda: place.open().save(empty(), "")) == "R405"
        assert place.read() == newer

    # Lock

    def test_a_lock_can_be_taken_again_after_it_was_let_go(self, place: Place) -> None:
        for _ in range(3):
            locking(place.open())

    def test_a_lock_is_let_go_where_its_block_fails(self, place: Place) -> None:
        with pytest.raises(ZeroDivisionError), place.open().lock(info(), 0):
            raise ZeroDivisionError
        locking(place.open())

    def test_a_lock_that_is_held_is_held(self, place: Place) -> None:
        with place.open().lock(info(), 0) as lock:
            lock.check()

    def test_a_state_is_saved_under_its_lock(self, place: Place) -> None:
        store = place.open()
        with store.lock(info(), 0) as lock:
            version = store.save(empty(), "")
            lock.check()
            store.save(rich(), version)

    def test_another_is_told_who_holds_the_lock(self, place: Place) -> None:
        holder = info("Zoë@büro (process 7)")
        with place.open().lock(holder, 0), pytest.raises(DiagnosticError) as caught:
            locking(place.open())
        diagnostic = caught.value.diagnostics[0]
        assert diagnostic.code == "R408"
        assert "Zoë@büro (process 7), apply since 2026-08-01T12:00:00+00:00" in diagnostic.detail
        assert "--lock-timeout" in diagnostic.hint

    def test_a_lock_is_held_against_its_own_process_too(self, place: Place) -> None:
        store = place.open()
        with store.lock(info(), 0):
            assert refused(lambda: locking(store)) == "R408"
            assert refused(lambda: locking(place.open())) == "R408"

    def test_waiting_ends_with_the_timeout(self, place: Place) -> None:
        with place.open().lock(info(), 0), pytest.raises(DiagnosticError) as caught:
            locking(place.open(), timeout=0.25)
        assert "(waited 0.25 s)" in caught.value.diagnostics[0].detail

    def test_who_waits_gets_the_lock_when_it_is_let_go(self, place: Place) -> None:
        with contenders(1, "wait", place.address, place.root) as (waiting,):
            with place.open().lock(info(), 0):
                waiting.go()
            assert waiting.hear() == "held"
            assert refused(lambda: locking(place.open())) == "R408"
            assert waiting.end() == (0, "")

    def test_of_20_that_want_the_lock_at_once_one_gets_it(self, place: Place) -> None:
        with contenders(20, "hold", place.address, place.root) as all_of_them:
            for contender in all_of_them:
                contender.go()
            words = [contender.hear() for contender in all_of_them]
            winner = all_of_them[words.index("held")]
            ends = [contender.end() for contender in all_of_them if contender is not winner]
            assert winner.end() == (0, "")
        assert sorted(words) == [""] * 19 + ["held"]
        assert {code for code, _ in ends} == {108}
        assert any(f"(process {winner.pid})" in complaint for _, complaint in ends)

    def test_20_that_wait_for_the_lock_are_never_two_inside(self, place: Place) -> None:
        place.open().save(empty(), "")
        with contenders(20, "count", place.address, place.root) as all_of_them:
            for contender in all_of_them:
                contender.go()
            assert [contender.end() for contender in all_of_them] == [(0, "")] * 20
        snapshot = place.open().load()
        assert snapshot is not None
        assert snapshot.state.serial == 20

    # Who holds it, and freeing it by force

    def test_nobody_holds_a_lock_before_and_after(self, place: Place) -> None:
        assert place.open().holder() is None
        locking(place.open())
        assert place.open().holder() is None

    def test_the_holder_is_told_in_full(self, place: Place) -> None:
        holder = info("Zoë@büro 😀 (process 7)")
        with place.open().lock(holder, 0) as lock:
            assert place.open().holder() == holder
            lock.check()

    def test_a_lock_is_freed_by_no_other_id_than_its_own(self, place: Place) -> None:
        holder = info()
        assert refused(lambda: place.open().break_lock(holder.id)) == "R422"
        with place.open().lock(holder, 0) as lock:
            assert refused(lambda: place.open().break_lock("another")) == "R422"
            assert refused(lambda: place.open().break_lock("")) == "R422"
            lock.check()
            assert refused(lambda: locking(place.open())) == "R408"
        assert refused(lambda: place.open().break_lock(holder.id)) == "R422"

    @needs(Ability.FREE_FROM_THE_LIVING)
    def test_a_lock_that_was_freed_is_another_s_and_its_holder_notices(self, place: Place) -> None:
        first, second, store = info("first@runner"), info("second@runner"), place.open()
        with store.lock(first, 0) as lock:
            version = store.save(empty(), "")
            place.open().break_lock(first.id)
            assert place.open().holder() is None
            other = place.open()
            with other.lock(second, 0) as taken:
                assert refused(lambda: self._go_on(lock, store, version)) == "R410"
                assert place.open().holder() == second
                taken.check()
                other.save(empty().following({}, {}), version)
        assert place.read() == encode_state(empty().following({}, {}))

    @needs(Ability.FREE_FROM_THE_LIVING)
    def test_a_holder_whose_lock_was_freed_does_not_let_another_s_go(self, place: Place) -> None:
        first, second = info("first@runner"), info("second@runner")
        with ExitStack() as late:
            with place.open().lock(first, 0):
                place.open().break_lock(first.id)
                lock = late.enter_context(place.open().lock(second, 0))
            assert place.open().holder() == second
            assert refused(lambda: locking(place.open())) == "R408"
            lock.check()

    @needs(Ability.FREE_FROM_THE_LIVING)
    def test_a_holder_whose_lock_was_freed_notices_where_nobody_has_it(self, place: Place) -> None:
        holder, store = info(), place.open()
        with store.lock(holder, 0) as lock:
            version = store.save(empty(), "")
            place.open().break_lock(holder.id)
            assert refused(lambda: self._go_on(lock, store, version)) == "R410"
        assert place.read() == encode_state(empty())

    @lacks(Ability.FREE_FROM_THE_LIVING)
    def test_a_lock_whose_holder_lives_is_not_freed(self, place: Place) -> None:
        holder = info()
        with place.open().lock(holder, 0) as lock:
            assert refused(lambda: place.open().break_lock(holder.id)) == "R408"
            lock.check()
            assert place.open().holder() == holder

    def _go_on(self, lock: StateLock, store: StateStore, version: str) -> None:
        """What a run does before it creates anything more."""
        lock.check()
        store.save(rich(), version)

    # A crash while holding

    @needs(Ability.FREE_BY_DEATH)
    def test_a_killed_holder_holds_nothing(self, place: Place) -> None:
        with self._killed_while_holding(place):
            assert place.open().holder() is None
            self._is_gone_on_with(place)

    @lacks(Ability.FREE_BY_DEATH)
    def test_a_killed_holder_is_named_and_its_lock_freed_by_its_id(self, place: Place) -> None:
        with self._killed_while_holding(place) as pid:
            holder = place.open().holder()
            assert holder is not None
            assert f"(process {pid})" in holder.who
            assert refused(lambda: locking(place.open())) == "R408"
            place.open().break_lock(holder.id)
            self._is_gone_on_with(place)

    @contextmanager
    def _killed_while_holding(self, place: Place) -> Iterator[int]:
        place.open().save(empty(), "")
        with contenders(1, "hold", place.address, place.root) as (holder,):
            holder.go()
            assert holder.hear() == "held"
            assert refused(lambda: locking(place.open())) == "R408"
            holder.kill()
            yield holder.pid

    def _is_gone_on_with(self, place: Place) -> None:
        store = place.open()
        with store.lock(info(), 0) as lock:
            snapshot = store.load()
            assert snapshot is not None
            assert snapshot.state == empty()
            self._go_on(lock, store, snapshot.version)

    def test_a_hostile_holder_is_shown_harmlessly(self, place: Place) -> None:
        evil = json.loads('"\\u001b[2Jgone\\u202e\\n::add-mask::x"') + "y" * 5000
        with place.open().lock(info(evil), 0), pytest.raises(DiagnosticError) as caught:
            locking(place.open())
        detail = caught.value.diagnostics[0].detail
        assert detail.isprintable()
        assert len(detail) < 1000
