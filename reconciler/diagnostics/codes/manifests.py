"""R1: findings of the manifests."""

from reconciler.diagnostics.code import Code
