"""YAML as people write it: every value with its place, every mistake at once.

source, problems = decode(read_file(path), "finetunes/a.yaml")
documents, problems = parse(source)
problems += check(document, load_schema("manifest"))
"""

from reconciler.documents.files import leads_out, read_file
from reconciler.documents.limits import MAX_FINDINGS
from reconciler.documents.nodes import Entry, Mapping, Node, Scalar, Sequence
from reconciler.documents.parser import parse
from reconciler.documents.schemas import SCHEMA_NAMES, load_schema, schema_text
from reconciler.documents.source import Source, decode
from reconciler.documents.validation import check, without_echoes
from reconciler.documents.wording import shorten

__all__ = [
    "MAX_FINDINGS",
    "SCHEMA_NAMES",
    "Entry",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "Source",
    "check",
    "decode",
    "leads_out",
    "load_schema",
    "parse",
    "read_file",
    "schema_text",
    "shorten",
    "without_echoes",
]
