from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.diagnostics import DiagnosticError
from reconciler.documents.schemas import load_schema
from reconciler.model import Address, Attributes, Verification
from reconciler.state import FinetuneRecord, Generation, State, decode_state, encode_state
from tests.state.samples import LINEAGE, empty, rich, states

GOLDEN = Path(__file__).parent / "golden"


def sealed(document: str) -> bytes:
    """Seal the text of a document without its checksum, as the tool would."""
    body = document.strip().removesuffix("}").rstrip().encode()
    return body + f',\n"checksum":"sha256:{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode()


def edited(state: State, **changes: Any) -> bytes:
    """Change a document and seal it again, as no person could."""
    document = json.loads(encode_state(state)) | changes
    del document["checksum"]
    return sealed(json.dumps(document))


def refused(raw: bytes, location: str = "reconciler.state.json") -> DiagnosticError:
    with pytest.raises(DiagnosticError) as caught:
        decode_state(raw, location)
    return caught.value


def code_of(error: DiagnosticError) -> str:
    return error.diagnostics[0].code


# Written


@pytest.mark.parametrize(("name", "state"), [("empty", empty()), ("rich", rich())])
def test_a_state_has_the_bytes_of_its_golden(name: str, state: State) -> None:
    golden = GOLDEN / f"{name}.state.json"
    assert encode_state(state) == golden.read_bytes()
    assert decode_state(golden.read_bytes(), name) == state


def test_a_verification_conforms_to_the_schema_and_must_not_contradict_itself() -> None:
    answered, silent = Verification("2026-08-01T12:00:00Z"), Verification("", "R801")
    current = Generation("1", Attributes("a", "m"), verification=answered)
    record = FinetuneRecord(current, (replace(current, id="2", verification=silent),))
    state = replace(empty(), finetunes={Address("a"): record})
    raw = encode_state(state)

    jsonschema.Draft7Validator(load_schema("state")).validate(json.loads(raw))
    assert decode_state(raw, "state") == state
    body = raw.decode().partition(',\n"checksum"')[0].replace('"silent"', '"answered"', 1)
    assert code_of(refused(sealed(body + "}"))) == "R402"


@given(states)
def test_a_state_comes_back_from_its_bytes(state: State) -> None:
    assert decode_state(encode_state(state), "state") == state


@given(states, st.randoms())
def test_the_order_of_entries_does_not_change_the_bytes(state: State, random: Any) -> None:
    def shuffled(mapping: Any) -> dict[Any, Any]:
        items = list(mapping.items())
        random.shuffle(items)
        return dict(items)

    other = replace(state, finetunes=shuffled(state.finetunes), pending=shuffled(state.pending))
    assert encode_state(other) == encode_state(state)


@given(states)
def test_every_entry_has_a_line_of_its_own(state: State) -> None:
    lines = encode_state(state).split(b"\n")
    found = sorted(line.partition(b'":')[0] for line in lines if line.startswith(b'"finetune.'))
    assert found == sorted(f'"{address}'.encode() for address in (*state.finetunes, *state.pending))


@given(states)
def test_a_state_conforms_to_the_schema(state: State) -> None:
    # The schema says of a digest what the codec leaves to whoever made it.
    document = json.loads(encode_state(state))
    schema = json.loads(json.dumps(load_schema("state")))
    schema["definitions"]["sha256"].pop("pattern")
    jsonschema.Draft7Validator(schema).validate(document)


def test_the_goldens_conform_to_the_schema_whole() -> None:
    validator = jsonschema.Draft7Validator(load_schema("state"))
    for golden in sorted(GOLDEN.glob("*.state.json")):
        validator.validate(json.loads(golden.read_bytes()))


def test_a_lone_surrogate_neither_stops_a_save_nor_is_lost() -> None:
    generation = Generation("id", Attributes("bot", "model", "a\ud800b"))
    state = State(LINEAGE, "account", 1, {Address("bot"): FinetuneRecord(generation)})
    assert decode_state(encode_state(state), "state") == state


# Damaged


def test_row_41_a_state_torn_at_any_byte_is_damaged() -> None:
    raw = encode_state(rich())
    for length in range(len(raw)):
        assert code_of(refused(raw[:length])) == "R402", length


def test_row_41_a_state_with_a_bit_of_any_byte_flipped_is_damaged() -> None:
    raw = encode_state(rich())
    for position in range(len(raw)):
        flipped = bytearray(raw)
        flipped[position] ^= 1 << (position % 8)
        assert code_of(refused(bytes(flipped))) == "R402", position


def test_a_state_of_terraform_is_called_so_and_is_neither_newer_nor_damaged() -> None:
    theirs = b'{"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "x"}'
    assert code_of(refused(theirs)) == "R427"


def test_a_version_with_any_bit_flipped_is_damaged_and_not_newer() -> None:
    raw = encode_state(rich())
    position = raw.index(b'"version":1') + len(b'"version":')
    for bit in range(8):
        flipped = bytearray(raw)
        flipped[position] ^= 1 << bit
        assert code_of(refused(bytes(flipped))) == "R402", bit


def test_a_state_with_bytes_behind_its_end_is_damaged() -> None:
    raw = encode_state(rich())
    for rest in (b"\n", b" ", b"\0", raw):
        assert code_of(refused(raw + rest)) == "R402"


def test_a_damaged_state_says_how_to_go_on() -> None:
    diagnostic = refused(b"", "prod.json").diagnostics[0]
    assert diagnostic.detail == "prod.json: It is empty."
    assert diagnostic.hint == "Take another copy."


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"", "It is empty."),
        (b"\0" * 1500, "Its 1,500 bytes are all blank."),
        (b" \r\n\t", "Its 4 bytes are all blank."),
        (b'{"version":1', "It is not whole JSON: Expecting ',' delimiter (line 1)."),
        (b"[]", "It is not the JSON of a state."),
        (b"{}", "It is not the JSON of a state."),
        (b'{"version":1}', "Its checksum is missing from the end."),
        (b"\x80", "It is not the JSON of a state."),
    ],
)
def test_what_is_no_state_is_told_apart(raw: bytes, detail: str) -> None:
    assert refused(raw).diagnostics[0].detail == f"reconciler.state.json: {detail}"


def test_an_edited_state_does_not_fit_its_checksum() -> None:
    raw = encode_state(rich()).replace(b'"serial":7', b'"serial":8')
    assert "checksum does not fit" in refused(raw).diagnostics[0].detail


@given(st.binary(max_size=200))
def test_no_bytes_make_anything_but_a_diagnostic(raw: bytes) -> None:
    assert code_of(refused(raw)) == "R402"


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"version":' + b"9" * 5000 + b"}",
        b'{"version":1e999}',
        b'{"version":-1}',
        b'{"version":true}',
        b'{"version":"1"}',
        b'{"version":null}',
        b'{"version":NaN}',
    ],
    ids=["deep", "huge", "infinite", "negative", "true", "text", "null", "nan"],
)
def test_a_version_that_is_none_is_damage(raw: bytes) -> None:
    assert code_of(refused(raw)) == "R402"


WRONG: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(p for key, child in children for p in _paths(child, (*path, key)))]


DOCUMENT = json.loads(encode_state(rich()))
del DOCUMENT["checksum"]


@example(("pending", "finetune.writer", "assets", "adapter_config.json", "size"), None)
@given(st.sampled_from(_paths(DOCUMENT)[1:]), WRONG)
def test_a_wrong_value_anywhere_is_damage_or_the_same_state(
    path: tuple[Any, ...], wrong: Any
) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = wrong
    raw = sealed(json.dumps(document))
    with suppress(DiagnosticError):
        written = json.loads(encode_state(decode_state(raw, "state")))
        del written["checksum"]
        assert written == document


@given(st.sampled_from(_paths(DOCUMENT)[1:]))
def test_a_missing_value_is_damage(path: tuple[Any, ...]) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    optional = len(path) >= 2 and (
        path[-2] in ("finetunes", "pending", "assets") or isinstance(path[-1], int)
    )
    if optional:
        decode_state(sealed(json.dumps(document)), "state")
    else:
        assert code_of(refused(sealed(json.dumps(document)))) == "R402"


@pytest.mark.parametrize("serial", [-1, 2**53, 10**4000, 1.0, True, "1", None])
def test_a_serial_that_is_none_is_damage(serial: Any) -> None:
    assert code_of(refused(edited(rich(), serial=serial))) == "R402"


@pytest.mark.parametrize("address", ["bot", "finetune.", "finetune.a b", "other.bot", "finetune.é"])
def test_an_address_that_is_none_is_damage(address: str) -> None:
    finetunes = json.loads(encode_state(rich()))["finetunes"]
    renamed = {address: finetunes["finetune.bot"]}
    assert "is no address" in refused(edited(rich(), finetunes=renamed)).diagnostics[0].detail


def test_a_state_that_is_too_large_is_not_even_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.state.codec.MAX_BYTES", 100)
    assert "more than 100 bytes" in refused(b"[" * 101).diagnostics[0].detail


# Newer


def test_a_sealed_state_of_a_newer_version_is_not_called_damaged() -> None:
    error = refused(edited(rich(), version=2))
    assert code_of(error) == "R403"
    assert "has version 2" in error.diagnostics[0].detail


def test_a_newer_version_may_be_sealed_in_another_way() -> None:
    assert code_of(refused(b'{"version":3,"whatever":{}}')) == "R403"
