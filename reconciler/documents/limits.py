"""How much is read of what anybody may have written, so that nothing takes long or much."""

MAX_BYTES = 4_000_000
"""Bytes of a file. More than ten thousand finetunes; an account holds a hundred."""
MAX_NODES = 200_000
"""Values of a file, every alias written out: 306 bytes can stand for a billion."""
MAX_DEPTH = 32
"""Levels. A manifest has five. libyaml's time grows with the square of the depth."""
MAX_DIGITS = 100
"""Digits of a number. Python's int() takes quadratic time and refuses 4,300."""
MAX_FINDINGS = 100
"""Mistakes that are told at once."""
MAX_LINE = 1_000
"""Characters. The text of a longer line is not shown: nobody could read it."""
MAX_SHOWN = 60
"""Characters of a value that a message repeats."""
