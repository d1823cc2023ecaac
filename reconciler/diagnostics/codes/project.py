"""R2: findings of the project file, the environment and the flags."""

from reconciler.diagnostics.code import Code

INVALID_USAGE = Code(
    "R201",
    "Wrong usage",
    why="The command line does not say what to do.",
    fix="Add --help to the command to see what it takes.",
)
MISSING_ACCOUNT = Code(
    "R202",
    "No account named",
    why="A finetune is created in one account and cannot be moved to another.",
    fix="Set CLOUDFLARE_ACCOUNT_ID, or account_id in reconciler.yaml.",
)
INVALID_ACCOUNT = Code(
    "R203",
    "Not an account id",
    why="The account id is part of every address that is called.",
    fix="Use the 32 lower-case hex digits that the dashboard shows.",
)
INVALID_SETTING = Code(
    "R204",
    "Invalid setting",
    why="A setting that is ignored would do something else than what was reviewed.",
    fix="Correct the setting that the message names.",
)
UNKNOWN_ADDRESS = Code(
    "R205",
    "No such finetune",
    why="A misspelt address would plan nothing and look like success.",
    fix="Use an address of the manifests or of the state: `reconciler state list` shows them.",
)
NOT_INTERACTIVE = Code(
    "R206",
    "Nobody to ask",
    why="What is created can be neither changed nor deleted, so it needs somebody's yes.",
    fix="In CI, apply what was reviewed: --plan-digest, a plan file, or --auto-approve.",
)
UNKNOWN_CODE = Code(
    "R207",
    "No such code",
    why="Codes begin with R and three digits.",
    fix="Use a code as an error shows it, such as R104.",
)
FILE_EXISTS = Code(
    "R208",
    "File is there already",
    why="init writes new files only; it never overwrites yours.",
    fix="Remove the file, or run init in another folder.",
)
CANNOT_WRITE = Code(
    "R209",
    "Cannot write a file",
    why="What the command was asked to keep would be lost.",
    fix="Check who owns the folder, its permissions, and the room that is left on the disk.",
)
SANDBOX_FAILED = Code(
    "R210",
    "The sandbox does not start",
    why="It serves an account from a folder and a port of this machine; one of them is not to "
    "be had.",
    fix="Do what the message says; the account itself is in .reconciler/sandbox.",
)
LOCAL_STATE = Code(
    "R211",
    "A state that no other job has",
    why="The disk of a runner is gone after its job. The next one would know neither what was "
    "created nor which creates were begun.",
    fix="Keep the state in a place that all jobs reach: docs/shared-state.md.",
)
NO_PROJECT = Code(
    "R212",
    "No project yet",
    why="A pipeline is written for the projects that are there, and passes what they need.",
    fix="Run `reconciler init` in the folder of the project, and then init --ci at the root.",
)
MALFORMED_VARIABLE = Code(
    "R213",
    "A variable of a cloud that cannot be used",
    why="The variables of a cloud become parts of addresses and of headers. What cannot be one, "
    "such as a secret with a line break at its end or an address without https://, is refused "
    "before anything is sent.",
    fix="Set the variable to the bare value: no quotes, no blanks, no line break at the end. An "
    "endpoint is https://HOST, or http://HOST:PORT for a server on this machine.",
)
INTERNAL = Code(
    "R299",
    "A mistake in this tool",
    why="It met something that it was not written for; this is never your fault.",
    fix="Run it again with --log-level debug and report what it logs. What was sent before is "
    "recorded in the state, and the next run looks it up.",
)
