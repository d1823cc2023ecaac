"""What `docker run ... conftest test --policy DIR -` does, with another evaluator of Rego.

Arguments: those of docker. Standard input: the plan.
"""

import json
import sys
from pathlib import Path

from regopy import Interpreter

(policy,) = [word.split(":")[0] for word in sys.argv if word.endswith(":/policy:ro")]
assert sys.argv[-6:] == ["test", "--policy", "/policy", "--parser", "json", "-"], sys.argv
interpreter = Interpreter()
for path in sorted(Path(policy).glob("*.rego")):
    interpreter.add_module(path.name, path.read_text())
interpreter.set_input_term(sys.stdin.read())
answer = json.loads(str(interpreter.query("denied = data.main.deny")))
denied = answer["bindings"]["denied"]
for message in denied:
    print(f"FAIL - {message}")
sys.exit(bool(denied))
