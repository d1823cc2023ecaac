"""States to test with: by hand, and generated."""

from __future__ import annotations

import hashlib

from hypothesis import strategies as st

from reconciler.model import ASSET_NAMES, Address, Asset, Attributes, Verification
from reconciler.state import (
    AssetRecord,
    AssetStatus,
    FinetuneRecord,
    Generation,
    Intent,
    State,
)

ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"
LINEAGE = "3f1c0d4e-9b2a-4c58-8f6e-0d9a7b1c2e3f"
MISTRAL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
CONFIG, WEIGHTS = ASSET_NAMES


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def id_of(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def assets(text: str = "one", status: AssetStatus = AssetStatus.UPLOADED) -> dict[str, AssetRecord]:
    return {
        CONFIG: AssetRecord(digest(f"{text} config"), 812, status),
        WEIGHTS: AssetRecord(digest(f"{text} weights"), 27_263_160, status),
    }


def empty() -> State:
    return State(LINEAGE, ACCOUNT)


def rich() -> State:
    """A state with one of everything."""
    old = Generation(id_of(1), Attributes("bot-00c0ffee", MISTRAL, "Old."), assets("old"), True)
    current = Generation(
        id_of(2),
        Attributes("bot-1badcafe", MISTRAL, 'Says "grüezi", お客様\n\tand\\more.', True),
        assets("new"),
        True,
    )
    adopted = Generation(
        id_of(3),
        Attributes("helper", MISTRAL, "", None),
        dict.fromkeys(ASSET_NAMES, AssetRecord("", 0, AssetStatus.UNVERIFIED)),
        True,
    )
    fresh = Generation(id_of(4), Attributes("plain", MISTRAL))
    intent = Intent(
        attempt_id="5d0c1a52-7b1f-4d35-9a3e-2f6f7c8d9e0f",
        attributes=Attributes("writer", MISTRAL, "Writes."),
        assets=(Asset(CONFIG, digest("config"), 812), Asset(WEIGHTS, digest("weights"), 5)),
        created_at="2026-08-01T12:00:00+00:00",
        known_ids=(id_of(8), id_of(9)),
    )
    return State(
        lineage=LINEAGE,
        account_id=ACCOUNT,
        serial=7,
        finetunes={
            Address("plain"): FinetuneRecord(fresh),
            Address("bot"): FinetuneRecord(current, (old,)),
            Address("helper"): FinetuneRecord(adopted),
        },
        pending={Address("writer"): intent},
    )


def large(entries: int) -> State:
    """A state of about 520 bytes an entry."""
    finetunes = {
        Address(f"bot-{number}"): FinetuneRecord(
            Generation(
                id_of(number), Attributes(f"bot-{number}", MISTRAL, "Söme täxt."), assets(), True
            )
        )
        for number in range(entries)
    }
    return State(LINEAGE, ACCOUNT, 1, finetunes)


# Lone surrogates are tested apart: two of them side by side are one character in JSON.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", fullmatch=True)
counts = st.integers(0, 2**53 - 1)
attributes = st.builds(Attributes, texts, texts, texts, st.none() | st.booleans())
generations = st.builds(
    Generation,
    texts,
    attributes,
    st.dictionaries(
        texts, st.builds(AssetRecord, texts, counts, st.sampled_from(AssetStatus)), max_size=2
    ),
    st.booleans(),
    st.none() | st.builds(Verification, texts, texts),
)
records = st.builds(
    FinetuneRecord, generations, st.lists(generations, max_size=2).map(lambda found: tuple(found))
)
intents = st.builds(
    Intent,
    texts,
    attributes,
    # The file names are the keys of a mapping, whose order is theirs.
    st.lists(
        st.builds(Asset, texts, texts, counts), max_size=2, unique_by=lambda a: a.file_name
    ).map(lambda found: tuple(sorted(found, key=lambda a: a.file_name))),
    texts,
    st.lists(texts, max_size=2).map(lambda found: tuple(found)),
)
states = st.builds(
    State,
    texts,
    texts,
    counts,
    st.dictionaries(names.map(Address), records, max_size=4),
    st.dictionaries(names.map(Address), intents, max_size=2),
)
