"""R4: findings of the state."""

from reconciler.diagnostics.code import Code
