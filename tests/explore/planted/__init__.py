"""Planted bugs: mistakes that somebody could make, each put into a copy of the package.

A test that should catch one is run against the copy and has to fail. It proves that the
tests can fail, and that each of the protocol's precautions is held by one of them.
"""
