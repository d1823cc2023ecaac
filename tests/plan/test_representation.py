from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from reconciler.diagnostics import DiagnosticError
from reconciler.documents.schemas import load_schema
from reconciler.model import Action, Verification
from reconciler.plan import Plan, decode_plan, encode_plan
from tests.plan.worlds import WORLDS, applicable, impossible, plans
from tests.state.samples import CONFIG, WEIGHTS, id_of

GOLDEN = Path(__file__).parent / "golden"


def document(made: Plan) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(encode_plan(made))
    return loaded


def change_in(made: Plan, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        entry for entry in document(made)["resource_changes"] if entry["name"] == name
    )
    return found


def sealed(data: dict[str, Any]) -> bytes:
    """Write a document with the checksum that its text has."""
    data["reconciler"].pop("checksum", None)
    text = json.dumps(data, separators=(",", ":"))
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return f'{text[:-2]},"checksum":"sha256:{checksum}"}}}}'.encode()


def refused(raw: bytes) -> str:
    with pytest.raises(DiagnosticError) as caught:
        decode_plan(raw, "plan.json")
    diagnostic = caught.value.diagnostics[0]
    assert (diagnostic.code, caught.value.exit_code) == ("R611", 1)
    assert "reconciler plan --out" in diagnostic.hint
    return diagnostic.detail


# Goldens and the schema


@pytest.mark.parametrize("name", WORLDS)
def test_a_plan_has_the_bytes_of_its_golden(name: str) -> None:
    golden = (GOLDEN / f"{name}.plan.json").read_text()
    assert encode_plan(WORLDS[name]()) + "\n" == golden
    assert decode_plan(golden.encode(), name) == WORLDS[name]()


@pytest.mark.parametrize("name", WORLDS)
def test_a_plan_conforms_to_the_schema(name: str) -> None:
    jsonschema.Draft7Validator(load_schema("plan")).validate(document(WORLDS[name]()))


def test_a_verification_is_shown_and_conforms_to_the_schema() -> None:
    made = applicable()
    verified = replace(made.changes[0], verification=Verification("2026-08-01T12:00:00Z", "R801"))
    data = document(replace(made, changes=(verified, *made.changes[1:])))

    jsonschema.Draft7Validator(load_schema("plan")).validate(data)
    shown = data["reconciler"]["changes"][0]["verification"]
    assert shown == {"at": "2026-08-01T12:00:00Z", "outcome": "silent", "code": "R801"}


@given(plans)
@settings(max_examples=200)
def test_a_plan_comes_back_from_its_text(made: Plan) -> None:
    text = encode_plan(made)
    assert decode_plan(text.encode(), "plan") == made
    assert decode_plan(f"{text}\n".encode(), "plan") == made


@given(plans)
def test_a_plan_is_one_line_of_ascii_in_which_no_ci_finds_a_command(made: Plan) -> None:
    text = encode_plan(made)
    assert text.isascii()
    assert text.isprintable()
    assert "##" not in text
    assert text.startswith("{")


# Terraform's part


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("support-bot", ["create"]),
        ("triage", ["create"]),
        ("classifier", ["update"]),
        ("translator", ["no-op"]),
        ("helper", ["no-op"]),
        ("kept", ["no-op"]),
    ],
)
def test_every_action_is_one_of_terraforms(name: str, actions: list[str]) -> None:
    assert change_in(applicable(), name)["change"]["actions"] == actions


def test_a_create_has_nothing_before_and_an_id_that_is_not_known() -> None:
    change = change_in(applicable(), "support-bot")["change"]
    assert (change["before"], change["before_sensitive"]) == (None, False)
    assert change["after_unknown"] == {"id": True}
    assert "id" not in change["after"]
    assert change["after"]["public"] is True
    assert list(change["after"]["assets"]) == [CONFIG, WEIGHTS]


def test_an_import_says_what_is_imported() -> None:
    change = change_in(applicable(), "translator")["change"]
    assert change["importing"] == {"id": id_of(6)}


def test_a_move_says_where_from() -> None:
    assert change_in(applicable(), "helper")["previous_address"] == "finetune.old-helper"


@pytest.mark.parametrize("name", ["translator", "helper", "kept"])
def test_a_no_op_is_the_same_before_and_after(name: str) -> None:
    change = change_in(applicable(), name)["change"]
    assert change["before"] == change["after"]
    assert change["after"]["id"]


def test_an_upload_adds_the_files_that_it_sends() -> None:
    change = change_in(applicable(), "classifier")["change"]
    assert change["before"]["assets"] == {}
    assert list(change["after"]["assets"]) == [CONFIG, WEIGHTS]


def test_what_is_forgotten_is_no_change_of_a_resource() -> None:
    made = document(applicable())
    assert "legacy" not in [entry["name"] for entry in made["resource_changes"]]
    native = [c["address"] for c in made["reconciler"]["changes"] if c["action"] == "forget"]
    assert native == ["finetune.legacy"]


def test_a_replacement_says_by_paths_what_forces_it() -> None:
    change = change_in(impossible(), "changed")["change"]
    assert change["actions"] == ["delete", "create"]
    assert change["replace_paths"] == [
        ["model"],
        ["description"],
        ["assets", CONFIG, "sha256"],
        ["assets", WEIGHTS, "sha256"],
    ]
    for path in change["replace_paths"]:
        before, after = change["before"], change["after"]
        for key in path:
            before, after = before[key], after[key]
        assert before != after


def test_nothing_is_deleted_where_nothing_is_known_to_be() -> None:
    change = change_in(impossible(), "twice")["change"]
    assert (change["actions"], change["before"]) == (["create"], None)
    assert change["before_sensitive"] is False


def test_drift_is_an_update_outside_of_terraform() -> None:
    (drift,) = document(applicable())["resource_drift"]
    assert drift["address"] == "finetune.kept"
    assert drift["change"]["actions"] == ["update"]
    assert drift["change"]["before"]["description"] == ""
    assert drift["change"]["after"]["description"] == "Edited in the dashboard."
    assert drift["change"]["before"]["id"] == drift["change"]["after"]["id"] == id_of(5)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("applicable", (True, True, False)),
        ("unchanged", (False, True, False)),
        ("impossible", (False, True, True)),
    ],
)
def test_what_can_be_done_is_told_as_terraform_tells_it(
    name: str, flags: tuple[bool, bool, bool]
) -> None:
    made = document(WORLDS[name]())
    assert (made["applyable"], made["complete"], made["errored"]) == flags


def test_no_address_has_brackets() -> None:
    for entry in document(applicable())["resource_changes"]:
        assert entry["address"] == f"finetune.{entry['name']}"
        assert "[" not in entry["address"]


# The keys and the types of Terraform 1.11.4 itself (`terraform show -json` of a plan with a
# create, an update, a delete, an import, a move and a no-op).
RESOURCE = {"address": str, "mode": str, "type": str, "name": str, "provider_name": str}
CHANGE = {
    "actions": list,
    "before": (dict, type(None)),
    "after": (dict, type(None)),
    "after_unknown": dict,
    "before_sensitive": (dict, bool),
    "after_sensitive": (dict, bool),
}


def has_shape(data: dict[str, Any], shape: dict[str, Any], optional: set[str]) -> None:
    assert set(shape) <= set(data) <= set(shape) | optional
    assert {key for key, kind in shape.items() if not isinstance(data[key], kind)} == set()


@pytest.mark.parametrize("name", WORLDS)
def test_every_part_has_the_keys_and_types_that_terraform_has(name: str) -> None:
    made = document(WORLDS[name]())
    for entry in (*made["resource_changes"], *made["resource_drift"]):
        has_shape(entry, {**RESOURCE, "change": dict}, {"previous_address"})
        has_shape(entry["change"], CHANGE, {"importing", "replace_paths"})
    planned = made["planned_values"]["root_module"]["resources"]
    for entry in planned:
        shape = {**RESOURCE, "schema_version": int, "values": dict, "sensitive_values": dict}
        has_shape(entry, shape, set())
    configuration = {
        "address": str,
        "mode": str,
        "type": str,
        "name": str,
        "provider_config_key": str,
        "expressions": dict,
        "schema_version": int,
    }
    for entry in made["configuration"]["root_module"]["resources"]:
        has_shape(entry, configuration, set())
        assert entry["provider_config_key"] in made["configuration"]["provider_config"]


# Edited and torn


def test_row_64_a_plan_with_any_byte_edited_is_refused() -> None:
    raw = encode_plan(applicable()).encode() + b"\n"
    for position in range(0, len(raw), 7):
        edited = bytearray(raw)
        edited[position] ^= 1 << (position % 7)
        refused(bytes(edited))


def test_a_plan_torn_at_any_byte_is_refused() -> None:
    raw = encode_plan(WORLDS["offline"]()).encode()
    for length in range(len(raw)):
        refused(raw[:length])


@pytest.mark.parametrize("rest", [b"\n\n", b" ", b"\r\n", b"\0", b"{}", b"\x0b"])
def test_a_plan_with_anything_behind_it_is_refused(rest: bytes) -> None:
    refused(encode_plan(applicable()).encode() + rest)
    refused(rest + encode_plan(applicable()).encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [("serial", 99), ("lineage", "x"), ("superseded", 7), ("diagnostics", []), ("drift", [])],
)
def test_what_the_digest_does_not_cover_cannot_be_edited_either(field: str, value: Any) -> None:
    made = document(applicable())
    made["reconciler"][field] = value
    assert "edited" in refused(json.dumps(made, separators=(",", ":")).encode())


def test_what_was_edited_is_named() -> None:
    raw = encode_plan(applicable())
    other_name = raw.replace('"name":"support-bot"', '"name":"other"', 1)
    assert "edited; the rest of it says otherwise at planned_values.root_module." in refused(
        other_name.encode()
    )
    assert "edited; the rest of it says otherwise at reconciler.digest." in refused(
        raw.replace('"digest":"sha256:', '"digest":"sha256:0').encode()
    )


def test_a_reason_cannot_be_edited() -> None:
    raw = encode_plan(applicable()).replace("neither in the state", "certainly in the state")
    assert "edited" in refused(raw.encode())


def test_terraforms_part_cannot_say_something_else_than_ours() -> None:
    made = document(applicable())
    made["resource_changes"] = []
    detail = refused(sealed(made))
    assert detail.endswith("adds up to; the rest of it says otherwise at resource_changes.")


def test_a_digest_cannot_be_of_something_else() -> None:
    made = document(applicable())
    made["reconciler"]["digest"] = f"sha256:{'0' * 64}"
    assert "adds up" in refused(sealed(made))


# No plan at all


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"reconciler":[]}', b"9" * 5000],
    ids=range(8),
)
def test_what_is_no_plan_is_told_so(raw: bytes) -> None:
    assert refused(raw) == "plan.json: It is not a plan of this tool."


def test_a_plan_of_terraform_itself_is_told_so() -> None:
    made = document(applicable())
    del made["reconciler"]
    assert "not a plan of this tool" in refused(json.dumps(made).encode())


def test_a_plan_of_another_version_is_told_so() -> None:
    made = document(applicable())
    made["reconciler"]["version"] = 2
    assert refused(sealed(made)) == (
        "plan.json: It has version 2, of a newer release; this one reads 1."
    )


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    return [path, *(found for key, child in pairs for found in paths(child, (*path, key)))]


@pytest.mark.parametrize("name", ["applicable", "impossible"])
@pytest.mark.parametrize("wrong", [None, True, -1, 1.5, "\ud800", [], {}, [[]], 10**4000])
def test_a_wrong_value_anywhere_is_refused_or_the_same_value(name: str, wrong: Any) -> None:
    original = document(WORLDS[name]())
    del original["reconciler"]["checksum"]
    for path in paths(original["reconciler"])[1:]:
        made = json.loads(json.dumps(original))
        inner = made["reconciler"]
        for key in path[:-1]:
            inner = inner[key]
        if path == ("version",):
            continue
        inner[path[-1]] = wrong
        raw = sealed(made)
        # A value of the right type, sealed anew, is another plan; whoever reviewed one has
        # its digest.
        with suppress(DiagnosticError):
            assert encode_plan(decode_plan(raw, "plan.json")).encode() == raw


def test_every_action_is_written() -> None:
    written = {change.action for world in WORLDS.values() for change in world().changes}
    assert written == set(Action)
