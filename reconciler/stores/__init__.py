"""Places to keep a state."""

from reconciler.stores.opening import open_store

__all__ = ["open_store"]
