"""Declarative reconciler for the finetunes of a Cloudflare Workers AI account."""

__version__ = "0.1.0"
