"""R2: findings of the project."""

from reconciler.diagnostics.code import Code
