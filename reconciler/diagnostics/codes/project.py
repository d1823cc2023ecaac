"""R2: findings of the project."""

