"""Print what a policy denies in a plan, as a JSON array. Arguments: POLICY PLAN."""

import json
import sys
from pathlib import Path

from regopy import Interpreter

policy, plan = map(Path, sys.argv[1:])
interpreter = Interpreter()
interpreter.add_module("finetunes", policy.read_text())
interpreter.set_input_term(plan.read_text())
found = json.loads(str(interpreter.query("denied = data.finetunes.deny")))
print(json.dumps(sorted(found["bindings"]["denied"])))
