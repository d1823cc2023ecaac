"""R6: findings of the plan."""

from reconciler.diagnostics.code import Code

CANNOT_CHANGE = Code(
    "R601",
    "A finetune cannot be changed",
    why="Cloudflare's API has no update and no delete. What exists stays as it is.",
    fix="Declare the new content under a new name, or set `versioned: true` so that every "
    "change creates a new generation.",
)
NAME_TAKEN = Code(
    "R602",
    "The name is taken by another finetune",
    why="The account has a finetune of this name with other attributes. A second one of the "
    "same name could never be deleted.",
    fix="Choose another `name:`, or make the manifest say what the account has.",
)
DUPLICATE_IN_ACCOUNT = Code(
    "R603",
    "The account has two finetunes of one name",
    why="Inference finds an adapter by its name; which of the two answers is undefined.",
    fix="Choose another `name:` for yours; the API cannot delete the others.",
)
OVER_QUOTA = Code(
    "R604",
    "More finetunes than the account may have",
    why="Cloudflare refuses what is over the limit, and nothing can be deleted to make room.",
    fix="Create fewer, or raise limits.max_finetunes if your account has a higher limit.",
)
UNRESOLVED_CREATE = Code(
    "R605",
    "A create whose outcome is unknown",
    why="An earlier run was cut off while it created this finetune. Creating it again could "
    "make a second one that nobody can delete.",
    fix="Look at the account, then say what happened with `reconciler resolve`.",
)
MOVE_BLOCKED = Code(
    "R606",
    "Both ends of a move are recorded",
    why="The state has a finetune at the old and at the new address; one would be forgotten.",
    fix="Remove the `moved` entry, or forget one of the two first.",
)
FORGOTTEN = Code(
    "R607",
    "A finetune will be forgotten",
    why="It leaves the state and stays in the account for good, because the API cannot delete.",
    fix="List it under `removed` to say that this is meant.",
)
NOT_REFRESHED = Code(
    "R608",
    "The account was not asked",
    why="The plan compares with the state alone; the account may differ.",
    fix="Plan without --no-refresh before you apply.",
)
ASSETS_UNVERIFIED = Code(
    "R609",
    "The adapter in the account is not verified",
    why="The API does not show which files a finetune has. An adopted one may have others, "
    "or none; and where an upload found a file there already, it may have other bytes.",
    fix="Ask whether it answers: `reconciler verify ADDRESS`. Once it did, this is not said any "
    "more. Files can't be replaced once they are uploaded.",
)
NOT_LISTED_YET = Code(
    "R610",
    "The account does not list a finetune yet",
    why="It was created and has an id, but no listing has shown it so far.",
    fix="Wait and plan again. If it never shows, look for the id in the dashboard.",
)
PLAN_UNREADABLE = Code(
    "R611",
    "Not a plan that can be used",
    why="A plan that was edited, torn or made by a newer release is not what was reviewed.",
    fix="Make it again: reconciler plan --out FILE.",
)
PLAN_STALE = Code(
    "R612",
    "The plan is stale",
    why="What would be done now is not what was reviewed.",
    fix="Plan again, have it reviewed, and apply that one.",
)
RECORDED_ELSEWHERE = Code(
    "R613",
    "The finetune is recorded under another address",
    why="One finetune of the account under two addresses could be forgotten at one of them, or "
    "changed at both.",
    fix="Say with a `moved` entry which address became which, or choose another `name:`.",
)
DECLARED_TWICE = Code(
    "R614",
    "Two finetunes would get one name",
    why="Inference finds an adapter by its name; which of the two answers is undefined, and "
    "neither could be deleted.",
    fix="Choose another `name:` for one of the two.",
)
RENAMED_BY_MOVE = Code(
    "R615",
    "A move creates another finetune",
    why="Where a manifest says no `name`, the name in the account is the logical name. A move "
    "changes the logical name, and the API cannot rename what exists.",
    fix="Keep the old name with `name:`, unless a new finetune is what you want.",
)
