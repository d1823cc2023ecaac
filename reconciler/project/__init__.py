"""Settings: `reconciler.yaml`, the environment and the flags, in rising order of strength."""

from reconciler.project.allowed import why_not_allowed
from reconciler.project.settings import (
    PROJECT_FILE,
    STATE_VARIABLE,
    Flags,
    Settings,
    resolve_settings,
)

__all__ = [
    "PROJECT_FILE",
    "STATE_VARIABLE",
    "Flags",
    "Settings",
    "resolve_settings",
    "why_not_allowed",
]
