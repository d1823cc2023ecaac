"""A plan as one page that needs nothing else: no network, no script to be read."""

from reconciler.render.html.page import render_failure, render_html

__all__ = ["render_failure", "render_html"]
