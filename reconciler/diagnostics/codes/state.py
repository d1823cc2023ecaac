"""R4: findings of the state and its store."""

from reconciler.diagnostics.code import Code

STATE_UNREADABLE = Code(
    "R401",
    "The state cannot be read",
    why="The state says which remote finetunes are yours. Without it a create could make a "
    "second one that nobody can delete.",
    fix="Mend the access that the message names; nothing was sent.",
)
STATE_DAMAGED = Code(
    "R402",
    "The state is damaged",
    why="A torn or edited state could hide a finetune that exists, or an unfinished create.",
    fix="Put a good copy back (the .backup beside it, or a copy from your CI). With no copy, "
    "move the file away and plan: what the account has under the same names is adopted.",
)
STATE_NEWER = Code(
    "R403",
    "The state was written by a newer release",
    why="This release could drop what it does not know.",
    fix="Install the newer release.",
)
STATE_OTHER_ACCOUNT = Code(
    "R404",
    "The state belongs to another account",
    why="Its ids mean nothing in this account: everything would look deleted, and be created "
    "again.",
    fix="Use the state of this account (--state), or name the account that it belongs to.",
)
STATE_MOVED_ON = Code(
    "R405",
    "The state has changed meanwhile",
    why="Somebody else saved it after it was read here. Overwriting would forget their work.",
    fix="Run the command again; it starts from the newer state.",
)
STATE_NOT_REGULAR = Code(
    "R406",
    "The state is not a regular file",
    why="A symbolic link could make the tool replace a file somewhere else.",
    fix="Give the path of the file itself.",
)
STATE_NOT_SAVED = Code(
    "R407",
    "The state could not be saved",
    why="What is not saved durably does not count as recorded, so nothing more is sent.",
    fix="Mend the cause (disk space, permissions), then run apply again: unfinished creates "
    "are looked up in the account, never repeated.",
)
STATE_LOCKED = Code(
    "R408",
    "The state is locked",
    why="Two applies at once could both create what is missing.",
    fix="Wait for the holder, or give --lock-timeout SECONDS.",
)
LOCK_UNSUPPORTED = Code(
    "R409",
    "The state cannot be locked here",
    why="Without a lock that works two applies could both create what is missing.",
    fix="Keep the state on a file system with working locks, not on this network share.",
)
LOCK_LOST = Code(
    "R410",
    "The lock was lost",
    why="Another run may hold it now, so nothing more is sent.",
    fix="See who removed the lock file, then run apply again.",
)
UNSUPPORTED_STORE = Code(
    "R411",
    "Unsupported place for the state",
    why="The state is only kept where it can be locked and compared before it is replaced.",
    fix="Use the path of a local file.",
)
NO_STATE = Code(
    "R412",
    "No state yet",
    why="The state begins with the first apply.",
    fix="Run `reconciler apply`, or name another state with --state.",
)
