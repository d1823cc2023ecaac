"""R5: findings of the cloudflare."""

from reconciler.diagnostics.code import Code
