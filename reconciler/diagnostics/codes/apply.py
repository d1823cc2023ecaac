"""R7: findings of the apply."""
