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
    fix="Put a good copy back (the .backup beside it, or a copy from your CI) with `reconciler "
    "state push COPY --replace-damaged`. With no copy, move the damaged one away and plan: what "
    "the account lists under the same names is adopted. What it does not list yet would be created "
    "again.",
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
    fix="Wait for the holder, or give --lock-timeout SECONDS. If the holder is gone for good, "
    "`reconciler state unlock` frees what it left.",
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
    fix="See who freed the lock or what cut the connection, then run apply again.",
)
UNSUPPORTED_STORE = Code(
    "R411",
    "Unsupported place for the state",
    why="The state is only kept where it can be locked and compared before it is replaced.",
    fix="Use a file, s3://, r2://, gs://, az://, postgresql:// or https://.",
)
NO_STATE = Code(
    "R412",
    "No state yet",
    why="The state begins with the first apply.",
    fix="Run `reconciler apply`, or name another state with --state.",
)
STORE_UNREACHABLE = Code(
    "R413",
    "The place of the state cannot be reached",
    why="Without the state nobody knows what was created before, so nothing is sent.",
    fix="Check the address, the network and the proxy, then run it again.",
)
STORE_DENIED = Code(
    "R414",
    "Access to the state was denied",
    why="The state must be read, locked and written before anything may be sent.",
    fix="Renew the credentials, or have the permission granted that the message names.",
)
STORE_NOT_FOUND = Code(
    "R415",
    "The place of the state does not exist",
    why="A misspelt bucket or database must not look like a project that has no state yet.",
    fix="Correct the address, or create the bucket or database first.",
)
CONDITIONS_IGNORED = Code(
    "R416",
    "The server ignores conditions",
    why="It overwrites what should only have been created. There a lock is no lock, and one "
    "runner's state silently replaces another's.",
    fix="Use a server with conditional writes (S3, R2, GCS, Azure, a current MinIO), or keep "
    "the state in PostgreSQL.",
)
INVALID_STATE_ADDRESS = Code(
    "R417",
    "Not an address of a state",
    why="A state that is looked for in the wrong place seems to be empty.",
    fix="Write s3://BUCKET/KEY, r2://ACCOUNT/BUCKET/KEY, gs://BUCKET/KEY, az://CONTAINER/KEY, "
    "postgresql://HOST/DATABASE/NAME, https://HOST/PATH, or the path of a file.",
)
SECRET_IN_ADDRESS = Code(
    "R418",
    "A credential in the address of the state",
    why="Addresses are committed, logged and shown to everybody on the machine.",
    fix="Take it out of the address, change it, and give it by the environment.",
)
SERVER_NOT_CONFIRMED = Code(
    "R419",
    "A server that only the project file names",
    why="Whoever can change that file in a pull request could have the credentials of CI sent "
    "to a server of their own.",
    fix="Name the server in the environment too: RECONCILER_STATE with the whole address, or "
    "PGHOST, or TF_HTTP_ADDRESS.",
)
MISSING_LIBRARY = Code(
    "R420",
    "A library for this place is not installed",
    why="The libraries of shared stores are optional, so that the tool stays small without them.",
    fix="Install the extra that the message names.",
)
STORE_OTHER_VERSION = Code(
    "R421",
    "The tables are of another version",
    why="This release could drop or misread what another one wrote.",
    fix="Use the release that made the tables, or migrate the state to another place.",
)
NO_SUCH_LOCK = Code(
    "R422",
    "No such lock",
    why="Freeing another lock than the one that was looked at could let two runs in at once.",
    fix="`reconciler state unlock` without --force shows who holds it now.",
)
NOT_A_SUCCESSOR = Code(
    "R423",
    "Not a later state of this project",
    why="Replacing a state by an older or a foreign one, or by a copy that was changed apart, "
    "forgets finetunes that exist, or creates whose outcome nobody knows yet.",
    fix="Pull the current state and compare. To begin anew, move the stored one away first.",
)
STORE_ANSWER = Code(
    "R424",
    "The server answered something unexpected",
    why="An answer that is not understood counts as a failure, never as success.",
    fix="Check that the address is the one of the state, and look into the server's log.",
)
LOCK_LEFT = Code(
    "R425",
    "The lock could not be released",
    why="What was done is recorded, but the next run may find the state locked.",
    fix="`reconciler state unlock` shows the lock; with --force ID it is freed.",
)
STATE_FOREIGN = Code(
    "R427",
    "The state of another tool",
    why="Saved over it, what that tool manages would be forgotten.",
    fix="Keep each tool's state at an address of its own.",
)
UNUSABLE_ADDRESS = Code(
    "R426",
    "Cannot be renamed or removed",
    why="Two records under one address, or a create that nobody settled, could lead to a "
    "duplicate.",
    fix="Do what the message names first.",
)
