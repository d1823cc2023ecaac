"""R3: findings of the adapters: the folder, the configuration, the weights."""

from reconciler.diagnostics.code import Code

_NO_WAY_BACK = (
    "Cloudflare takes such files, says the finetune is ready, and answers 'Finetune not found' "
    "at inference. What was uploaded can be neither edited nor deleted."
)

# The folder and its two files.
NO_FOLDER = Code(
    "R301",
    "Cannot open the adapter's folder",
    why="A finetune without its two files can be created but never used.",
    fix="Write the path of the folder that PEFT saved the adapter to, relative to the manifest.",
)
OUTSIDE_PROJECT = Code(
    "R302",
    "Outside the project",
    why="A manifest in a pull request must not be able to upload a file of the machine that "
    "applies it: `..`, absolute paths and symbolic links are followed before they are checked.",
    fix="Move the adapter into the project's folder.",
)
MISSING_FILE = Code(
    "R303",
    "Adapter file missing",
    why="A finetune consists of exactly adapter_config.json and adapter_model.safetensors; "
    "under any other name a file is not found at inference.",
    fix="Save the adapter with PEFT: model.save_pretrained(FOLDER).",
)
UNREADABLE_FILE = Code(
    "R304",
    "Cannot read the adapter file",
    why="A finetune whose file cannot be read would stay incomplete.",
    fix="Check the file's permissions and what its symbolic links lead to.",
)
NOT_A_FILE = Code(
    "R305",
    "Not a regular file",
    why="A FIFO, a device or a folder has no fixed content that could be reviewed and uploaded.",
    fix="Put the file itself there.",
)
LFS_POINTER = Code(
    "R306",
    "Git LFS pointer instead of the file",
    why="Git LFS keeps large files elsewhere. A pointer's digest and size are enough to plan, "
    "but what is in the file cannot be inspected, and there is nothing to upload.",
    fix="Fetch the content where it has to be inspected or uploaded: `git lfs pull` (in CI: "
    "check out with LFS).",
)
CHANGED_FILE = Code(
    "R307",
    "The file changed",
    why="Half of one adapter and half of another would be uploaded, and could not be edited "
    "afterwards.",
    fix="Wait until nothing writes to the folder any more, then plan and apply again.",
)
TOO_LARGE = Code(
    "R308",
    "Adapter too large",
    why="Cloudflare refuses larger files. The limit has moved three times in two years.",
    fix="Save the weights in half precision or train with a lower rank; where Cloudflare has "
    "raised its limit, raise `limits.max_adapter_bytes` in reconciler.yaml.",
)
DAMAGED_POINTER = Code(
    "R309",
    "Damaged Git LFS pointer",
    why="Without its digest and size nobody knows which file it stands for.",
    fix="Restore the pointer from git, or add the file again with `git lfs track` in force.",
)

# adapter_config.json
CONFIG_JSON = Code(
    "R311",
    "Not a valid adapter_config.json",
    why="The configuration must be one JSON object that every reader reads alike. " + _NO_WAY_BACK,
    fix="Mend the place that the caret shows, or save the adapter with PEFT again.",
)
CONFIG_FIELD = Code(
    "R312",
    "Wrong field in adapter_config.json",
    why="PEFT always writes this field, and inference needs it.",
    fix="Restore what PEFT wrote, or save the adapter again.",
)
NOT_LORA = Code(
    "R313",
    "Not a LoRA adapter",
    why="Workers AI serves adapters of the PEFT type LORA and no other.",
    fix="Train with peft.LoraConfig.",
)
RANK_LIMIT = Code(
    "R314",
    "Rank over the limit",
    why="Workers AI takes adapters up to a rank. A rank cannot be changed after the training.",
    fix="Train with a lower `r`; where Cloudflare has raised its limit, raise `limits.max_rank` "
    "in reconciler.yaml.",
)
NO_MODEL_TYPE = Code(
    "R315",
    "model_type missing",
    why="Workers AI needs `model_type`, and PEFT does not write it: the commonest mistake of "
    "all. " + _NO_WAY_BACK,
    fix='Add one line to adapter_config.json: "model_type": "mistral", or gemma, or llama.',
)
WRONG_MODEL_TYPE = Code(
    "R316",
    "model_type does not fit",
    why="`model_type` must be mistral, gemma or llama, and the family of the base model. "
    + _NO_WAY_BACK,
    fix="Write the family of the base model that the finetune is for.",
)
WRONG_BASE_MODEL = Code(
    "R317",
    "Trained on another base model",
    why="An adapter is a difference to one set of weights. On another model it fails or "
    "produces nonsense.",
    fix="Change `model` in the manifest, or train on the model that it names.",
)
UNKNOWN_BASE_MODEL = Code(
    "R318",
    "Cannot tell whether the base model fits",
    why="Names alone do not tell. An adapter on another base model fails or produces nonsense.",
    fix="Make sure that the adapter was trained on the base model that the finetune is for.",
)
QUANTIZED = Code(
    "R319",
    "Quantized base model",
    why="Workers AI applies adapters to base models that are not quantized.",
    fix="Use the model without quantization, and train on it.",
)
NOT_PLAIN_LORA = Code(
    "R320",
    "More than plain LoRA",
    why="Servers apply pairs of LoRA matrices. What else was trained is refused, or left out "
    "without a word.",
    fix="Train with plain LoRA: no DoRA, no modules_to_save, bias none.",
)

# adapter_model.safetensors
NOT_SAFETENSORS = Code(
    "R331",
    "Not a valid safetensors file",
    why="The header says where each tensor lies. A header that readers could understand in two "
    "ways, or not at all, is refused. " + _NO_WAY_BACK,
    fix="Save the adapter again: model.save_pretrained(FOLDER, safe_serialization=True).",
)
HEADER_TOO_LARGE = Code(
    "R332",
    "safetensors header too large",
    why="The header of a LoRA adapter has some hundred kilobytes. No more than a megabyte is "
    "read, so that a hostile file cannot use up the memory.",
    fix="Check that the file is an adapter and not a whole model.",
)
WRONG_LENGTH = Code(
    "R333",
    "File length differs from the header",
    why="The file was cut off, or something was appended: usually a broken download or copy.",
    fix="Copy or download the file again and compare its sha256 with the original's.",
)
NO_TENSORS = Code(
    "R334",
    "No LoRA weights in the file",
    why="There is nothing that could be applied to the base model. " + _NO_WAY_BACK,
    fix="Save the adapter, not the model: peft_model.save_pretrained(FOLDER).",
)
UNEXPECTED_TENSOR = Code(
    "R335",
    "Tensor that is no LoRA weight",
    why="vLLM, for one, refuses an adapter that holds anything but pairs of lora_A and lora_B.",
    fix="Save the adapter with PEFT, trained with plain LoRA.",
)
INCOMPLETE_PAIR = Code(
    "R336",
    "Half of a LoRA pair missing",
    why="LoRA adds the product of two matrices, lora_A and lora_B; one alone says nothing.",
    fix="Save the adapter again, from every rank where the training was distributed.",
)
RANK_DIFFERS = Code(
    "R337",
    "Rank differs from the configuration",
    why="Inference sizes its buffers and its scaling by the configured rank.",
    fix="Use the adapter_config.json that was saved together with these weights.",
)
MODULES_DIFFER = Code(
    "R338",
    "Modules differ from the configuration",
    why="Configuration and weights are probably from two different trainings.",
    fix="Use the adapter_config.json that was saved together with these weights.",
)
DTYPE = Code(
    "R339",
    "Data type that inference does not take",
    why="LoRA weights are 16 or 32 bit floating point numbers: F16, BF16 or F32.",
    fix="Convert before saving: model.to(torch.bfloat16).",
)
