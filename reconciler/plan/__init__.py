"""Desired and prior state to a plan; pure, and the only room that knows what can be done."""

from reconciler.plan.builder import build_plan
from reconciler.plan.plan import Plan, Quota, Scope

__all__ = ["Plan", "Quota", "Scope", "build_plan"]
