"""Histories: random lives of an account, its manifests and its runners, played in process.

The code under test is the real one (refresh, plan, apply, resolution, the codec of the
state); only the account, the store and the clock are made up, so that a history takes
milliseconds. A history is plain data: a seed makes it, its repr replays it.
"""
