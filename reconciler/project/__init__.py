"""Settings: `reconciler.yaml`, the environment and the flags, in rising order of strength."""

from reconciler.project.settings import PROJECT_FILE, Flags, Settings, resolve_settings

__all__ = ["PROJECT_FILE", "Flags", "Settings", "resolve_settings"]
