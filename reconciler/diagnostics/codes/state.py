"""R4: findings of the state."""
