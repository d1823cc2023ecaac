"""Where an adapter lives when it is no folder of the project: an address, read strictly.

hf://ORG/REPO[/FOLDER]@REVISION     s3://BUCKET/FOLDER     gs://BUCKET/FOLDER
r2://ACCOUNT/BUCKET/FOLDER          az://CONTAINER/FOLDER  https://HOST[:PORT]/FOLDER
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.model.adapter import ASSET_NAMES, Adapter, Asset

SCHEMES = ("hf", "s3", "r2", "gs", "az", "https")
DIGEST_PATTERN = r"^[0-9a-f]{64}$"

_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.+=-]*"
# What the hub takes for a name (huggingface_hub, validate_repo_id), and the dots and hyphens
# that it does not take.
_HUB_NAME = r"(?=[A-Za-z0-9_])(?:[A-Za-z0-9_]|-(?!-)|\.(?!\.)){1,96}(?<=[A-Za-z0-9_])"
_FOLDER = rf"{_SEGMENT}(?:/{_SEGMENT})*"
_BUCKET = r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}"
_ACCOUNT = r"[0-9a-f]{32}(?:\.(?:eu|fedramp))?"
_HOST = r"(?=.{1,253}(?:[:/]|\Z))[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
_REVISION = r"[A-Za-z0-9](?:[A-Za-z0-9_.+-]|/(?![/.]))*"
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_BUCKET_FORM = re.compile(rf"(?P<place>{_BUCKET})(?:/(?P<folder>{_FOLDER}))?/?\Z")
_FORMS = {
    "hf": re.compile(
        rf"(?P<place>{_HUB_NAME}/{_HUB_NAME}(?<!\.git))(?:/(?P<folder>{_FOLDER}))?/?"
        rf"@(?P<revision>{_REVISION})\Z"
    ),
    "s3": _BUCKET_FORM,
    "gs": _BUCKET_FORM,
    "az": _BUCKET_FORM,
    "r2": re.compile(rf"(?P<place>{_ACCOUNT}/{_BUCKET})(?:/(?P<folder>{_FOLDER}))?/?\Z"),
    "https": re.compile(rf"(?P<place>{_HOST})(?:/(?P<folder>{_FOLDER}))?/?\Z"),
}
_EXAMPLES = {
    "hf": "hf://ORG/REPO@REVISION, such as hf://acme/support-bot@main",
    "s3": "s3://BUCKET/FOLDER",
    "gs": "gs://BUCKET/FOLDER",
    "az": "az://CONTAINER/FOLDER",
    "r2": "r2://ACCOUNT/BUCKET/FOLDER",
    "https": "https://HOST/FOLDER, with no user, query or fragment",
}
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|gz|xz|bz2|zst|7z|safetensors|json|bin|pt)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """An address of a source.

    place: the repository, the bucket (r2: ACCOUNT/BUCKET) or the host. folder: "" for the
    top. revision: of hf only, "" else.
    """

    scheme: str
    place: str
    folder: str = ""
    revision: str = ""

    def __str__(self) -> str:
        folder = f"/{self.folder}" if self.folder else ""
        revision = f"@{self.revision}" if self.revision else ""
        return f"{self.scheme}://{self.place}{folder}{revision}"

    @classmethod
    def parse(cls, text: str) -> SourceAddress:
        """Read an address; ValueError says what is wrong with it, for people."""
        scheme, separator, rest = text.partition("://")
        if not separator or scheme not in SCHEMES:
            raise ValueError(f"begins with none of {', '.join(f'{s}://' for s in SCHEMES)}")
        if scheme == "hf" and "@" not in rest:
            raise ValueError("names no revision: append @ and a commit, a tag or a branch")
        found = _FORMS[scheme].match(rest)
        if found is None or ".." in rest:
            raise ValueError(f"is not of the form {_EXAMPLES[scheme]}")
        parts = found.groupdict()
        address = cls(scheme, parts["place"], parts["folder"] or "", parts.get("revision") or "")
        if _ARCHIVE.search(address.folder):
            raise ValueError("names a file or an archive; it must be the folder of the two files")
        return address

    def path(self, file_name: str) -> str:
        """Return the path of a file below the place."""
        return f"{self.folder}/{file_name}" if self.folder else file_name

    @property
    def can_move(self) -> bool:
        """Whether the same revision may be other files tomorrow, as that of a branch."""
        return self.scheme == "hf" and not _COMMIT.match(self.revision)

    def at(self, revision: str) -> SourceAddress:
        """Return the same place at another revision."""
        return replace(self, revision=revision)


@dataclass(frozen=True, slots=True)
class AdapterSource:
    """An adapter as a manifest declares it: where it lives, and the sha256 of its files.

    sha256: the pins, 64 hex digits by file name. They alone say which bytes are meant.
    """

    address: SourceAddress
    sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def adapter(self) -> Adapter:
        """What the pins tell of the adapter: which bytes, but neither sizes nor facts."""
        assets = tuple(Asset(name, self.sha256[name], None) for name in ASSET_NAMES)
        return Adapter(str(self.address), assets, None)
