"""R5: findings of the cloudflare."""
