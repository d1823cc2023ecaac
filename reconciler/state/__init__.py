"""What was recorded: the snapshot, its bytes, and what a place to keep it must promise."""

from reconciler.state.codec import MAX_BYTES, decode_state, encode_state, version_of
from reconciler.state.snapshot import (
    AssetRecord,
    AssetStatus,
    FinetuneRecord,
    Generation,
    Intent,
    State,
    new_state,
)
from reconciler.state.store import (
    HIDDEN_QUERY,
    DamagedStateError,
    LockInfo,
    Snapshot,
    StateLock,
    StateStore,
    naming,
)

__all__ = [
    "HIDDEN_QUERY",
    "MAX_BYTES",
    "AssetRecord",
    "AssetStatus",
    "DamagedStateError",
    "FinetuneRecord",
    "Generation",
    "Intent",
    "LockInfo",
    "Snapshot",
    "State",
    "StateLock",
    "StateStore",
    "decode_state",
    "encode_state",
    "naming",
    "new_state",
    "version_of",
]
