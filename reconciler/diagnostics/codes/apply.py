"""R7: findings of the apply."""

from reconciler.diagnostics.code import Code
