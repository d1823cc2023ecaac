"""R8: findings of asking a finetune for a token."""

from reconciler.diagnostics.code import Code

NOT_FOUND = Code(
    "R801",
    "The finetune does not answer",
    why="The account lists it, and inference says that there is no such finetune. That is how "
    "Cloudflare answers for an adapter that it could not load, and for a while after an upload.",
    fix="Ask again in a few minutes: `reconciler verify`. If it stays silent the adapter is "
    "broken in a way that only loading it reveals: check that the weights hold no NaN, that they "
    "were trained on this base model, and `reconciler adapter inspect`. A file cannot be replaced; "
    "create the mended adapter under a new name, or with `versioned: true`.",
)
LACKS_A_FILE = Code(
    "R802",
    "The finetune lacks a file",
    why="Inference needs both files of the adapter, and the account does not have them.",
    fix="`reconciler plan` shows which file was never acknowledged, and `reconciler apply` sends "
    "it. A finetune without an `adapter:` in its manifest gets its files from elsewhere.",
)
NO_LORA = Code(
    "R803",
    "The base model takes no adapters",
    why="The finetune was created for a model that cannot run it, or that is not there any more.",
    fix="Choose a model with the LoRA capability in Cloudflare's catalogue, and create the "
    "finetune under a new name: its model cannot be changed.",
)
NO_VERDICT = Code(
    "R804",
    "Whether the finetune answers is not known",
    why="The question failed for a reason that says nothing about the adapter: the network, the "
    "API, a limit, a permission, or the time that was over before its turn. What was recorded "
    "before stays.",
    fix="Mend what the detail names, then run `reconciler verify` again.",
)
DID_NOT_ANSWER = Code(
    "R805",
    "The finetune did not answer when it was last asked",
    why="It is in the account as declared, and gave no token. The plan can be applied; whoever "
    "calls the finetune gets an error.",
    fix="`reconciler verify` asks again and says what to check.",
)
