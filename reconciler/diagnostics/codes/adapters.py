"""R3: findings of the adapters."""
