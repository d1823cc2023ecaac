"""R1: findings in the YAML that people write (manifests, and the project file's YAML)."""

from reconciler.diagnostics.code import Code

UNREADABLE_FILE = Code(
    "R101",
    "Cannot read the file",
    why="A manifest that is skipped would look like finetunes that nobody wants any more.",
    fix="Check the path and its permissions. Folders are searched for *.yaml and *.yml.",
)
NOT_TEXT = Code(
    "R102",
    "Not plain UTF-8 text",
    why="Reviewers see text. Control and direction-changing characters show them something "
    "else than what the tool reads.",
    fix="Save the file as UTF-8 and remove the character that the message names.",
)
YAML_SYNTAX = Code(
    "R103",
    "Not valid YAML",
    why="Nothing after the place of the error can be read with certainty.",
    fix="Mend the place that the caret shows; the cause is sometimes the line above it.",
)
DUPLICATE_KEY = Code(
    "R104",
    "Duplicate key",
    why="Most YAML readers silently keep the last one, so a reviewer may approve a value "
    "that is not used.",
    fix="Keep one of the two.",
)
UNKNOWN_FIELD = Code(
    "R105",
    "Unknown field",
    why="A misspelt field would be ignored, and what it creates cannot be changed later.",
    fix="Use one of the fields of the schema: `reconciler schema manifest` prints it.",
)
MISSING_FIELD = Code(
    "R106",
    "Missing field",
    why="The field has no default that would be right for everybody.",
    fix="Add the field.",
)
WRONG_TYPE = Code(
    "R107",
    "Wrong type",
    why="Scalars are read as YAML 1.2 does: true, 3 and 1.10 are no text unless quoted, "
    "and are never turned into text behind your back.",
    fix="Write a value of the type that the message names; quote it where text is meant.",
)
INVALID_VALUE = Code(
    "R108",
    "Invalid value",
    why="Cloudflare or the state could not hold this value, or would hold something else.",
    fix="Change the value as the message says.",
)
DUPLICATE_FINETUNE = Code(
    "R109",
    "Finetune declared twice",
    why="An address stands for one finetune; two declarations would fight over it.",
    fix="Rename or remove one of the two declarations.",
)
DUPLICATE_REMOTE_NAME = Code(
    "R110",
    "Two finetunes with one remote name",
    why="Inference finds an adapter by its name. Which of two finetunes of one name answers "
    "is undefined, and neither can be deleted.",
    fix="Give one of them another `name`.",
)
RESERVED_NAME = Code(
    "R111",
    "Reserved name",
    why="Names that begin with cf-public- belong to Cloudflare's public finetunes.",
    fix="Choose a name that does not begin with cf-public-.",
)
UNQUOTED_AT = Code(
    "R112",
    "Value that begins with @ is not quoted",
    why="YAML reserves @ at the beginning of a plain value, so the file cannot be read.",
    fix='Quote the value: model: "@cf/mistral/mistral-7b-instruct-v0.2-lora".',
)
UNSUPPORTED_YAML = Code(
    "R113",
    "YAML feature that is not supported",
    why="Tags, merge keys and deep or exploding structures hide what will be created from "
    "the people who review it.",
    fix="Write the values out.",
)
NO_MANIFESTS = Code(
    "R114",
    "No manifests found",
    why="With nothing to read, every finetune in the state would look forgotten.",
    fix="Name them with -f/--manifest or in reconciler.yaml, or run `reconciler init`.",
)
INVALID_MOVE = Code(
    "R115",
    "Move that cannot be made",
    why="A move renames one address in the state; it must have one clear beginning and end.",
    fix="Each `from` and each `to` may stand once, `to` must be declared, `from` must not.",
)
INVALID_REMOVAL = Code(
    "R116",
    "Removed finetune is still declared",
    why="It cannot be forgotten and wanted at once.",
    fix="Take it out of `removed`, or remove its declaration.",
)
UNSUPPORTED_VERSION = Code(
    "R117",
    "Unsupported format version",
    why="Another version may mean other things by the same words.",
    fix="Use `version: 1`, or a newer release of this tool.",
)
EMPTY_MANIFEST = Code(
    "R118",
    "Empty manifest",
    why="A file that should hold finetunes and holds nothing is nearly always a slip: a failed "
    "template, an empty pipe. All that it declared would look forgotten.",
    fix="Write `version: 1` into it where nothing is meant, or do not name the file.",
)
TOO_MANY_MISTAKES = Code(
    "R119",
    "Too many mistakes",
    why="Many mistakes often have one cause, and a list without an end helps nobody.",
    fix="Mend those that are shown and run it again.",
)
