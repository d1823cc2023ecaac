"""YAML as people write it: every value with its place, every mistake at once.

source, problems = decode(raw, "finetunes/a.yaml")
documents, problems = parse(source)
problems = check(document, load_schema("manifest"))
"""

from reconciler.documents.nodes import Entry, Mapping, Node, Scalar, Sequence
from reconciler.documents.parser import parse
from reconciler.documents.schemas import SCHEMA_NAMES, load_schema, schema_text
from reconciler.documents.source import Source, decode, forbidden_character
from reconciler.documents.validation import check

__all__ = [
    "SCHEMA_NAMES",
    "Entry",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "Source",
    "check",
    "decode",
    "forbidden_character",
    "load_schema",
    "parse",
    "schema_text",
]
