"""Small worlds to plan in: what is declared, what is recorded, what the account has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reconciler.model import (
    Adapter,
    AdapterFacts,
    Address,
    Asset,
    Attributes,
    Change,
    Desired,
    Finetune,
    Limits,
    Listing,
    RemoteFinetune,
)
from reconciler.plan import Plan, Scope, build_plan
from reconciler.refresh import refresh
from reconciler.state import (
    AssetRecord,
    AssetStatus,
    FinetuneRecord,
    Generation,
    Intent,
    State,
)
from tests.state.samples import ACCOUNT, CONFIG, LINEAGE, MISTRAL, WEIGHTS, digest, id_of

GEMMA = "@cf/google/gemma-7b-it-lora"
FACTS = AdapterFacts(
    base_model="mistralai/Mistral-7B-Instruct-v0.2",
    model_type="mistral",
    task_type="CAUSAL_LM",
    rank=8,
    alpha=16.0,
    modules=("k_proj", "q_proj"),
    tensors=256,
    dtypes={"BF16": 256},
    parameters=13_631_488,
)


def adapter(text: str = "one") -> Adapter:
    files = (
        Asset(CONFIG, digest(f"{text} config"), 812),
        Asset(WEIGHTS, digest(f"{text} weights"), 27_263_160),
    )
    return Adapter(f"adapters/{text}", files, FACTS)


def finetune(
    name: str,
    *,
    base_name: str = "",
    model: str = MISTRAL,
    description: str = "",
    public: bool = False,
    versioned: bool = False,
    files: str = "",
    labels: dict[str, str] | None = None,
) -> Finetune:
    return Finetune(
        address=Address(name),
        base_name=base_name or name,
        model=model,
        description=description,
        public=public,
        versioned=versioned,
        adapter_path=f"adapters/{files}" if files else "",
        adapter=adapter(files) if files else None,
        labels=labels or {},
    )


def desired(
    *finetunes: Finetune,
    moved: dict[str, str] | None = None,
    removed: Iterable[str] = (),
) -> Desired:
    """moved: old name by new name."""
    return Desired(
        {f.address: f for f in finetunes},
        {Address(new): Address(old) for new, old in (moved or {}).items()},
        frozenset(map(Address, removed)),
    )


def remote(
    number: int, name: str, *, model: str = MISTRAL, description: str = ""
) -> RemoteFinetune:
    return RemoteFinetune(id_of(number), name, model, description)


def records(text: str, status: AssetStatus = AssetStatus.UPLOADED) -> dict[str, AssetRecord]:
    if not text:
        return {}
    return {a.file_name: AssetRecord(a.sha256, a.size, status) for a in adapter(text).assets}


def generation(
    number: int,
    name: str,
    *,
    model: str = MISTRAL,
    description: str = "",
    public: bool | None = False,
    files: str = "",
    status: AssetStatus = AssetStatus.UPLOADED,
    seen: bool = True,
) -> Generation:
    attributes = Attributes(name, model, description, public)
    return Generation(id_of(number), attributes, records(files, status), seen)


def record(current: Generation, *superseded: Generation) -> FinetuneRecord:
    return FinetuneRecord(current, superseded)


def recorded(
    finetunes: dict[str, FinetuneRecord | Generation] | None = None,
    pending: dict[str, Intent] | None = None,
) -> State:
    return State(
        LINEAGE,
        ACCOUNT,
        3,
        {
            Address(name): FinetuneRecord(item) if isinstance(item, Generation) else item
            for name, item in (finetunes or {}).items()
        },
        {Address(name): intent for name, intent in (pending or {}).items()},
    )


def intent(
    name: str, *, description: str = "", files: str = "", known: Iterable[int] = ()
) -> Intent:
    return Intent(
        attempt_id="5d0c1a52-7b1f-4d35-9a3e-2f6f7c8d9e0f",
        attributes=Attributes(name, MISTRAL, description),
        assets=adapter(files).assets if files else (),
        created_at="2026-08-01T12:00:00+00:00",
        known_ids=tuple(map(id_of, known)),
    )


EMPTY = State(LINEAGE, ACCOUNT)


def plan(
    wanted: Desired,
    state: State = EMPTY,
    account: Iterable[RemoteFinetune] | None = (),
    *,
    limits: Limits | None = None,
    scope: Scope | None = None,
) -> Plan:
    """Refresh and plan; account None is not asked."""
    listing = None if account is None else Listing(tuple(account))
    scope = replace(scope or Scope(), refreshed=listing is not None)
    return build_plan(wanted, refresh(state, listing), limits or Limits(), scope)


def change_of(made: Plan, name: str) -> Change:
    return next(change for change in made.changes if change.address == Address(name))


def actions(made: Plan) -> dict[str, str]:
    return {change.address.name: change.action.value for change in made.changes}


def codes(made: Plan) -> list[str]:
    """List the codes of the problems, warnings in lower case."""
    return [p.code if p.is_error else p.code.lower() for p in made.problems]


def targets(*names: str) -> Scope:
    return Scope(tuple(map(Address, names)))
