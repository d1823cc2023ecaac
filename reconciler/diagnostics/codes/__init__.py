"""The codes, a file per family; a code is never reused for something else.

R1 manifests, R2 project and command line, R3 adapters, R4 state, R5 Cloudflare,
R6 plan, R7 apply.
"""
