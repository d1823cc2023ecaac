"""Address: the stable local key of a finetune, written `finetune.NAME`."""

from __future__ import annotations

import re
from dataclasses import dataclass

TYPE = "finetune"
NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$"

_NAME = re.compile(NAME_PATTERN.removesuffix("$") + r"\Z")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The logical name of a finetune; never changes unless a `moved` entry says so."""

    name: str

    def __str__(self) -> str:
        return f"{TYPE}.{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address | None:
        """Read `finetune.NAME` or just `NAME`; None where it is neither."""
        name = text.removeprefix(f"{TYPE}.")
        return cls(name) if _NAME.match(name) else None
