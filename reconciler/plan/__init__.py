"""Desired and prior state to a plan; pure, and the only room that knows what can be done."""

from reconciler.plan.builder import build_plan
from reconciler.plan.plan import Plan, Quota, Scope
from reconciler.plan.representation import decode_plan, encode_plan

__all__ = ["Plan", "Quota", "Scope", "build_plan", "decode_plan", "encode_plan"]
