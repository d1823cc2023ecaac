"""R6: findings of the plan."""
