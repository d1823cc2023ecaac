"""R3: findings of the adapters."""

from reconciler.diagnostics.code import Code
