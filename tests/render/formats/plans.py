"""Plans to render: each shows something that a reviewer meets."""

from __future__ import annotations

from dataclasses import replace

from reconciler.diagnostics import Position, SourceRange
from reconciler.diagnostics.codes import plan as codes
from reconciler.model import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    Action,
    AdapterFacts,
    Address,
    Asset,
    AttributeChange,
    Attributes,
    Change,
    RemoteFinetune,
)
from reconciler.plan import Plan, Quota, Scope
from reconciler.refresh import Drift, Unresolved
from reconciler.state import Intent

ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"
MISTRAL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
GEMMA = "@cf/google/gemma-7b-it-lora"
LINEAGE = "6ad2a3d4-6a05-4b5f-9d7b-0d9e54e6a0f1"


def assets(size: int = 14_200_000, digit: str = "a") -> tuple[Asset, ...]:
    return (Asset(CONFIG_FILE, "c" * 64, 1_140), Asset(WEIGHTS_FILE, digit * 64, size))


def facts(rank: int = 8, parameters: int = 7_077_888) -> AdapterFacts:
    return AdapterFacts(
        base_model="mistralai/Mistral-7B-Instruct-v0.2",
        model_type="mistral",
        task_type="CAUSAL_LM",
        rank=rank,
        alpha=16.0,
        modules=("k_proj", "q_proj", "v_proj"),
        tensors=192,
        dtypes={"BF16": 128, "F32": 64},
        parameters=parameters,
    )


def identifier(number: int) -> str:
    return f"6f3c1a52-0000-4000-8000-{number:012d}"


def create(name: str, description: str = "", *, size: int = 14_200_000, rank: int = 8) -> Change:
    return Change(
        Address(name),
        Action.CREATE,
        "neither in the state nor in the account",
        after=Attributes(name, MISTRAL, description),
        assets=assets(size),
        uploads=(CONFIG_FILE, WEIGHTS_FILE),
        facts=facts(rank, size // 2),
    )


def existing(name: str, action: Action = Action.NO_OP, reason: str = "as desired") -> Change:
    attributes = Attributes(name, GEMMA, f"What {name} does.")
    return Change(Address(name), action, reason, identifier(len(name)), attributes, attributes)


def plan(*changes: Change, used: int | None = 4, superseded: int = 0) -> Plan:
    ordered = tuple(sorted(changes, key=lambda change: change.address))
    creates = sum(change.action is Action.CREATE for change in changes)
    quota = Quota(used, (used or 0) + creates, 100)
    return Plan(ACCOUNT, LINEAGE, 7, ordered, quota, superseded=superseded)


def converged() -> Plan:
    return plan(existing("digest"), existing("support"))


def first() -> Plan:
    """Two creates in an empty account."""
    return plan(
        create("support-bot", "Answers support tickets in the house style."),
        replace(create("triage"), assets=(), uploads=(), facts=None),
        used=0,
    )


def everything() -> Plan:
    """Every action that can be applied, with drift and warnings."""
    public = create("announcer", "Speaks to everybody.", size=212_000_000, rank=32)
    assert public.after
    public = replace(public, after=replace(public.after, public=True))
    moved = replace(
        existing("helpdesk", Action.MOVE, "was finetune.desk"), previous_address=Address("desk")
    )
    uploading = replace(
        existing("router", Action.UPLOAD, f"{WEIGHTS_FILE} not uploaded"),
        assets=assets(98_000_000, "b"),
        uploads=(WEIGHTS_FILE,),
        facts=facts(16, 49_000_000),
    )
    adopted = existing("poet", Action.IMPORT, "in the account with the same attributes")
    adopted = replace(adopted, notes=("which files it has cannot be seen: unverified",))
    forgotten = existing("old-bot", Action.FORGET, "not declared any more; it stays")
    warning = codes.FORGOTTEN.warning(
        "No manifest declares finetune.old-bot any more.",
        hint="If this is meant, say so: removed: [old-bot]",
        address="finetune.old-bot",
    )
    drifted = Drift(
        Address("digest"),
        identifier(6),
        Attributes("digest", GEMMA, "What digest does."),
        Attributes("digest", GEMMA, "Somebody else's words.", None),
    )
    made = plan(
        create("support-bot", "Answers support tickets in the house style."),
        public,
        moved,
        uploading,
        adopted,
        replace(forgotten, after=None),
        existing("digest"),
        existing("summarizer"),
        used=9,
        superseded=1,
    )
    return replace(made, problems=(warning,), drift=(drifted,))


def source(line: str, column: int, end: int, number: int = 6) -> SourceRange:
    start, stop = Position(number, column, 100), Position(number, end, 100 + end - column)
    return SourceRange("finetunes/support.yaml", start, stop, line)


def blocked() -> Plan:
    """A change that the API cannot make, beside one that it can."""
    change = replace(
        existing("support-bot", Action.REPLACE, "description changed, and cannot be changed"),
        differences=(
            AttributeChange("description", "Old words.", "New words."),
            AttributeChange("public", False, True),
            AttributeChange(f"adapter/{WEIGHTS_FILE}", "a" * 64, "b" * 64),
        ),
        assets=assets(),
        facts=facts(),
    )
    error = codes.CANNOT_CHANGE.error(
        "support-bot exists with another description.",
        hint="Give the new content a new name, or set versioned: true.",
        address="finetune.support-bot",
        range=source("    description: New words.", 18, 28),
    )
    return replace(plan(change, create("triage")), problems=(error,))


def unresolved() -> Plan:
    """A create whose answer was lost, with two candidates."""
    intent = Intent(
        "0d0c9c1e-5c7b-4a7e-9a55-2f3b1c7e0f00",
        Attributes("support-bot", MISTRAL),
        (),
        "2026-05-04T09:12:33Z",
        (),
    )
    candidates = tuple(RemoteFinetune(identifier(n), "support-bot", MISTRAL) for n in (1, 2))
    error = codes.UNRESOLVED_CREATE.error(
        'A create of "support-bot" was prepared and its answer never recorded.',
        hint="If it exists: reconciler resolve finetune.support-bot --adopt ID.",
        address="finetune.support-bot",
    )
    doubtful = Unresolved(Address("support-bot"), intent, candidates)
    return replace(plan(existing("digest")), unresolved=(doubtful,), problems=(error,))


def offline() -> Plan:
    """Planned without asking the account, and only in part."""
    made = plan(create("support-bot"), used=None)
    scope = Scope((Address("support-bot"),), {"team": "support"}, refreshed=False)
    return replace(made, scope=scope)


def many(number: int) -> Plan:
    return plan(*(create(f"bot-{n:04d}", "Words of it. " * 20) for n in range(number)))


def hostile(text: str) -> Plan:
    """A plan with one text wherever a pull request or the account can put one."""
    attributes = Attributes(text, text, text)
    strange = AdapterFacts(text, text, text, 8, 16.0, (text,), 3, {text: 3}, 12)
    changes = tuple(
        Change(
            Address(action.value),
            action,
            text,
            id=text if action is not Action.CREATE else "",
            before=attributes,
            after=attributes,
            differences=(AttributeChange("description", text, f"{text}."),),
            assets=(Asset(WEIGHTS_FILE, "a" * 64, 5),),
            uploads=(WEIGHTS_FILE,),
            notes=(text,),
            facts=strange,
        )
        for action in Action
    )
    where = SourceRange(text, Position(1, 2), Position(1, 4), text)
    error = codes.CANNOT_CHANGE.error(text, hint=text, address="finetune.replace", range=where)
    warning = codes.FORGOTTEN.warning(text, hint=text, address="finetune.forget")
    drifted = Drift(Address("no-op"), text, attributes, Attributes(text + "x", text, text))
    made = replace(plan(*changes), problems=(error, warning), drift=(drifted,))
    return replace(made, scope=Scope((), {"team": text}))


ALL = {
    "first": first,
    "everything": everything,
    "converged": converged,
    "blocked": blocked,
    "unresolved": unresolved,
    "offline": offline,
}
