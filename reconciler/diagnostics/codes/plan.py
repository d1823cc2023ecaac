"""R6: findings of the plan."""

from reconciler.diagnostics.code import Code
