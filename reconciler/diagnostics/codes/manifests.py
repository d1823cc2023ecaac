"""R1: findings of the manifests."""

