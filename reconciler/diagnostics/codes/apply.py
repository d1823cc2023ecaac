"""R7: findings of an apply."""

from reconciler.diagnostics.code import Code

OUTCOME_UNKNOWN = Code(
    "R701",
    "It is not known whether the finetune was created",
    why="The answer was lost. A second create could make a duplicate that nobody can delete, "
    "so none is sent until the account or a person says what happened.",
    fix="Run plan again: it looks the finetune up. If it stays unknown, look at the account "
    "and say what happened with `reconciler resolve`.",
)
RESULTS_NOT_SAVED = Code(
    "R702",
    "Finetunes were created, but not recorded",
    why="The state could not be saved after the account had answered.",
    fix="Keep the ids that are shown. Mend the cause and run apply again: it finds these "
    "finetunes by the intents that were saved before, and creates none twice.",
)
DUPLICATE_CREATED = Code(
    "R703",
    "Two finetunes of one name appeared",
    why="Somebody else created a finetune of the same name at the same time. Which of the two "
    "answers at inference is undefined, and neither can be deleted.",
    fix="Find out who creates finetunes in this account without this state and its lock.",
)
ADAPTER_INCOMPLETE = Code(
    "R704",
    "The finetune lacks a file",
    why="It exists, and does not answer until both files of its adapter are there.",
    fix="Mend the cause, then run apply again: it sends just what is missing.",
)
UPLOAD_UNVERIFIED = Code(
    "R705",
    "The account had a file already",
    why="The API does not show which bytes it has, and files can't be replaced.",
    fix="Ask whether the finetune answers: `reconciler verify ADDRESS`.",
)
NOT_CONFIRMED = Code(
    "R706",
    "The account could not be asked afterwards",
    why="A last listing shows that what was created is there, once.",
    fix="Run plan: it asks again.",
)
NO_INTENT = Code(
    "R707",
    "Nothing to resolve there",
    why="Only a create whose outcome is unknown can be resolved.",
    fix="`reconciler plan` shows what is unresolved.",
)
NOT_THE_RESULT = Code(
    "R708",
    "That finetune cannot be the result",
    why="Adopting a finetune that came from elsewhere would record a content it does not have.",
    fix="Give the id of a finetune that the account lists under the name of the intent.",
)
RESULT_IS_LISTED = Code(
    "R710",
    "The account lists what that create made",
    why="There is exactly one finetune of that name that was not there before, and it has the "
    "attributes that were sent. Sent again, the create would make a second one.",
    fix="Adopt it: `reconciler apply` does, and `reconciler resolve ADDRESS --adopt ID`.",
)
INTENT_NOT_CLOSED = Code(
    "R709",
    "It is not recorded that nothing was created",
    why="The state could not be saved after the account had refused, or before anything was sent. "
    "Its intent is still there, so that the next plan asks about it.",
    fix="Mend the cause, then say so with `reconciler resolve ADDRESS --retry`.",
)
