"""R9: findings of where adapters live: their addresses, the fetching, the cache."""

from reconciler.diagnostics.code import Code

_BEFORE_ANYTHING = (
    "All files are fetched and inspected before the first finetune is created, so nothing was "
    "created."
)

# In the manifest
INVALID_SOURCE = Code(
    "R901",
    "Not an address of an adapter",
    why="What cannot be read one way only could be fetched from somewhere else.",
    fix="Write hf://ORG/REPO[/FOLDER]@REVISION, s3://BUCKET/FOLDER, r2://ACCOUNT/BUCKET/FOLDER, "
    "gs://BUCKET/FOLDER, az://CONTAINER/FOLDER or https://HOST/FOLDER.",
)
MISSING_PIN = Code(
    "R902",
    "The files are not pinned",
    why="Without their digests nobody can review which weights are meant, and whoever controls "
    "the source could change them after the review.",
    fix="Run `reconciler adapter pin`: it asks the source and writes the digests.",
)
MOVING_REVISION = Code(
    "R903",
    "The revision can move",
    why="A branch or a tag can be another commit tomorrow. The pins decide what is uploaded, so "
    "that is safe, but an apply fails once it has moved.",
    fix="Run `reconciler adapter pin`: it writes the commit instead.",
)
NOT_ALLOWED = Code(
    "R904",
    "Not among the allowed sources",
    why="A pull request must not be able to have the runner call any host it likes.",
    fix="Add the organization, bucket or host to `sources.allow` in reconciler.yaml.",
)

# On the way
INSIDE_NETWORK = Code(
    "R911",
    "An address inside the runner's network",
    why="A source, or a redirect of it, could have the runner call what only the runner can "
    "reach, such as the metadata service that gives out its credentials.",
    fix="Where the server is meant to be inside, name its host in RECONCILER_PRIVATE_SOURCES.",
)
BAD_REDIRECT = Code(
    "R912",
    "A redirect that is not followed",
    why="Redirects are followed a few times, and to https only.",
    fix="Name the place that the files are really at.",
)
DENIED = Code(
    "R913",
    "The source refuses to give the file",
    why="Private places need a credential, which comes from the environment. " + _BEFORE_ANYTHING,
    fix="Set the credential of that store: HF_TOKEN, AWS_ACCESS_KEY_ID and so on.",
)
NOT_THERE = Code(
    "R914",
    "The source does not have the file",
    why="An adapter is a folder with adapter_config.json and adapter_model.safetensors. "
    + _BEFORE_ANYTHING,
    fix="Check the address and the revision; an archive has to be unpacked first.",
)
UNREACHABLE = Code(
    "R915",
    "The source cannot be read",
    why="It was tried several times, going on where it broke off. " + _BEFORE_ANYTHING,
    fix="Check the network, and run it again.",
)
BAD_ANSWER = Code(
    "R916",
    "The source gives an answer that makes no sense",
    why="A file that comes without its length, or with another one than was said, cannot be "
    "bounded, and what is no commit or no digest cannot be pinned. " + _BEFORE_ANYTHING,
    fix="Check what is behind the address.",
)
TOO_LONG = Code(
    "R917",
    "The file at the source is too large",
    why="Cloudflare refuses larger files, so it is not fetched. " + _BEFORE_ANYTHING,
    fix="Check that it is an adapter and not a whole model.",
)
WRONG_DIGEST = Code(
    "R918",
    "Not the file that was pinned",
    why="The source gives other bytes than those that were reviewed: it changed, or something "
    "on the way did. " + _BEFORE_ANYTHING,
    fix="Find out who changed it. If it is meant, run `reconciler adapter pin` and have the new "
    "digests reviewed.",
)
MISSING_EXTRA = Code(
    "R919",
    "A library is missing",
    why="Each kind of source is an extra of its own, so that nobody installs what they do not use.",
    fix="Install the extra that the message names.",
)

# The cache
CACHE_DAMAGED = Code(
    "R921",
    "The cache was tampered with",
    why="A file in the cache is not what its name says. Nothing that this tool does changes a "
    "file there once it has its name. " + _BEFORE_ANYTHING,
    fix="Find out who writes there, remove the file and run it again.",
)
CACHE_FULL = Code(
    "R922",
    "The cache is too small",
    why="Everything that is going to be created is fetched before the first create, and the "
    "cache has to hold it. " + _BEFORE_ANYTHING,
    fix="Raise `sources.max_cache_bytes` in reconciler.yaml, or apply in parts with --target.",
)
CACHE_FAILED = Code(
    "R923",
    "The cache cannot be written",
    why="What cannot be kept cannot be checked and uploaded. " + _BEFORE_ANYTHING,
    fix="Make room, or set RECONCILER_CACHE to a folder on another disk.",
)

# Pins
PIN_NOT_WRITTEN = Code(
    "R931",
    "The pins were not written",
    why="A manifest is changed only where the result is sure to say what is meant, and nobody else "
    "changed it while the sources were asked.",
    fix="Paste the lines that the message shows, or run it again after an edit.",
)
