"""A plan with one of everything, and plans made by chance."""

from __future__ import annotations

from hypothesis import strategies as st

from reconciler.diagnostics import Diagnostic, Position, Severity, SourceRange
from reconciler.model import (
    Action,
    AdapterFacts,
    Address,
    Asset,
    AttributeChange,
    Change,
    Limits,
    RemoteFinetune,
    Verification,
)
from reconciler.plan import Plan, Quota, Scope
from reconciler.refresh import Drift, Unresolved
from reconciler.state import AssetStatus
from tests.plan.samples import (
    GEMMA,
    desired,
    finetune,
    generation,
    intent,
    plan,
    record,
    recorded,
    remote,
)
from tests.state.samples import attributes, counts, intents, names, texts

LONG = (
    "Answers the tickets of the support desk in the house style, quotes the handbook where it "
    "has something to say, and hands over to a person whenever it is not sure."
)


def applicable() -> Plan:
    """A plan with every action that can be carried out, and some drift."""
    versioned = finetune("triage", versioned=True, description="Sorts tickets.", files="two")
    before = generation(3, "triage-00c0ffee", description="Sorted tickets.", files="one")
    state = recorded(
        {
            "classifier": generation(1, "classifier", files="one", status=AssetStatus.PENDING),
            "old-helper": generation(2, "helper", files="one"),
            "triage": record(before, generation(9, "triage-0badcafe")),
            "legacy": generation(4, "legacy", description="No longer declared."),
            "kept": generation(5, "kept", files="one"),
        }
    )
    account = [
        remote(1, "classifier"),
        remote(2, "helper"),
        remote(3, "triage-00c0ffee", description="Sorted tickets."),
        remote(4, "legacy", description="No longer declared."),
        remote(5, "kept", description="Edited in the dashboard."),
        remote(6, "translator", description="Translates."),
        remote(9, "triage-0badcafe"),
    ]
    wanted = desired(
        finetune("support-bot", description=LONG, public=True, files="one"),
        finetune("classifier", files="one"),
        finetune("helper", files="one"),
        versioned,
        finetune("kept", description="Edited in the dashboard.", files="one"),
        finetune("translator", description="Translates.", files="one"),
        moved={"helper": "old-helper"},
    )
    return plan(wanted, state, account)


def impossible() -> Plan:
    """A plan with everything that forbids to apply it."""
    state = recorded(
        {
            "changed": generation(1, "changed", description="Old.", files="one"),
            "drifted": generation(2, "drifted"),
        },
        {"lost": intent("lost", files="one", known=[8])},
    )
    account = [
        remote(1, "changed", description="Old."),
        remote(2, "drifted", description="Edited in the dashboard."),
        remote(3, "taken", model=GEMMA),
        remote(4, "twice"),
        remote(5, "twice"),
    ]
    wanted = desired(
        finetune("changed", model=GEMMA, description="New.", files="two"),
        finetune("drifted"),
        finetune("lost", files="one"),
        finetune("new"),
        finetune("taken"),
        finetune("twice"),
    )
    return plan(wanted, state, account, limits=Limits(max_finetunes=5))


def unchanged() -> Plan:
    """A plan without changes."""
    state = recorded({"bot": record(generation(2, "bot"), generation(1, "bot-1"))})
    return plan(desired(finetune("bot")), state, [remote(2, "bot"), remote(1, "bot-1")])


def offline() -> Plan:
    """A plan that was made without asking the account."""
    state = recorded({"bot": generation(1, "bot")})
    return plan(desired(finetune("bot"), finetune("new", files="one")), state, None)


def nothing() -> Plan:
    """A plan in which nothing is declared."""
    return plan(desired())


WORLDS = {
    "applicable": applicable,
    "impossible": impossible,
    "unchanged": unchanged,
    "offline": offline,
    "nothing": nothing,
}


# By chance

addresses = names.map(Address)
assets = st.builds(Asset, texts, texts, counts)
scalars = st.none() | st.booleans() | texts
facts = st.builds(
    AdapterFacts,
    base_model=texts,
    model_type=texts,
    task_type=texts,
    rank=counts,
    alpha=st.floats(allow_nan=False, allow_infinity=False),
    modules=st.lists(texts, max_size=2).map(tuple),
    tensors=counts,
    dtypes=st.dictionaries(texts, counts, max_size=2),
    parameters=counts,
)


def tuples(
    items: st.SearchStrategy[object], most: int = 2
) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(items, max_size=most).map(tuple)


changes = st.builds(
    Change,
    address=addresses,
    action=st.sampled_from(Action),
    reason=texts,
    id=texts,
    before=st.none() | attributes,
    after=st.none() | attributes,
    differences=tuples(st.builds(AttributeChange, texts, scalars, scalars)),
    previous_address=st.none() | addresses,
    supersedes=texts,
    assets=tuples(assets),
    uploads=tuples(texts),
    notes=tuples(texts),
    facts=st.none() | facts,
    verification=st.none() | st.builds(Verification, texts, texts),
)
positions = st.builds(Position, st.integers(1, 99), st.integers(1, 99), counts)
diagnostics = st.builds(
    Diagnostic,
    code=texts,
    severity=st.sampled_from(Severity),
    summary=texts,
    detail=texts,
    hint=texts,
    address=texts,
    range=st.none() | st.builds(SourceRange, texts, positions, positions, texts),
)
remotes = st.builds(
    RemoteFinetune, texts, texts, texts, texts, st.none() | st.booleans(), texts, texts
)
plans = st.builds(
    Plan,
    account_id=texts,
    lineage=texts,
    serial=counts,
    changes=tuples(changes, 3),
    quota=st.builds(Quota, st.none() | counts, counts, counts),
    scope=st.builds(
        Scope, tuples(addresses), st.dictionaries(texts, texts, max_size=2), st.booleans()
    ),
    drift=tuples(st.builds(Drift, addresses, texts, attributes, attributes), 1),
    unresolved=tuples(st.builds(Unresolved, addresses, intents, tuples(remotes)), 1),
    problems=tuples(diagnostics),
    superseded=counts,
    limits=st.builds(Limits, counts, counts, counts, counts),
)
