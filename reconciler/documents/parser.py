"""Text to nodes, from PyYAML's C event stream: bounded, strict, with every place kept.

Working on events instead of PyYAML's own composer gives what it lacks: a depth limit
(its C composer recurses), duplicate keys, a bound on aliases, and no tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import cast

import yaml

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents.nodes import Entry, Mapping, Mark, Node, Scalar, Sequence
from reconciler.documents.scalars import resolve
from reconciler.documents.source import AT_MARKER, Source, forbidden_character
from reconciler.documents.syntax_hints import hint_for

MAX_DEPTH = 32
"""A manifest is five levels deep."""
MAX_NODES = 2_000_000
"""Nodes after every alias is written out; stops a text of 306 bytes from becoming billions."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A value that begins with @, in block or flow style. Only those that turn out to be plain
# scalars are complained about; in quotes, comments and block texts @ means itself.
_UNQUOTED_AT = re.compile(r"(?<=[\s\[,{])@(?=\S)")


def parse(source: Source) -> tuple[list[Node], list[Diagnostic]]:
    """Parse every document of a stream; empty documents are left out.

    Documents before a syntax error are returned, together with the error.
    """
    builder = _Builder(source)
    text = _UNQUOTED_AT.sub(AT_MARKER, source.text)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
            if builder.stopped:
                break
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax_error(source, error))
    except yaml.YAMLError as error:
        builder.problems.append(codes.YAML_SYNTAX.error(f"{source.filename}: {error}."))
    return builder.documents, builder.problems


def _syntax_error(source: Source, error: yaml.MarkedYAMLError) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    where = None
    if mark is not None:
        index = min(mark.index, len(source.text))
        line = min(mark.line, len(source.lines) - 1)
        column = mark.column if line == mark.line else len(source.lines[line])
        where = source.range_at((line, column, index), (line, column + 1, index + 1))
    problem = f"{error.problem or 'The text cannot be read'}"
    context = f" {error.context}" if error.context else ""
    detail = f"{problem[:1].upper()}{problem[1:]}{context}."
    return codes.YAML_SYNTAX.error(detail, hint=hint_for(problem, where), range=where)


@dataclass(slots=True)
class _Frame:
    """A collection that is being read."""

    node: Mapping | Sequence
    anchor: str | None
    weight: int = 1
    key: Scalar | None = None


@dataclass(slots=True)
class _Builder:
    source: Source
    documents: list[Node] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    stopped: bool = False
    _stack: list[_Frame] = field(default_factory=list)
    _anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)
    _nodes: int = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._grow(1, node := self._scalar(event))
            self._add(node, event.anchor, 1)
        elif isinstance(event, yaml.MappingStartEvent):
            self._open(Mapping(self.source, *_marks(event), {}), event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open(Sequence(self.source, *_marks(event), []), event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._anchors.clear()

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        start, end = _marks(event)
        plain = event.style is None or event.style == ""
        written = event.value
        text = written.replace(AT_MARKER, "@")
        node = Scalar(self.source, start, end, text, text, plain)
        if event.tag is not None and event.tag != "!":
            self._refuse_tag(event.tag, node)
        elif plain and written.startswith(AT_MARKER):
            self.problems.append(
                codes.UNQUOTED_AT.error(
                    f"{text} begins with @, which YAML reserves.",
                    hint=f'Quote it: "{text}"',
                    range=node.range,
                )
            )
        elif plain:
            node.value = resolve(text)
        elif (found := forbidden_character(text)) is not None:
            self.problems.append(
                codes.NOT_TEXT.error(
                    f"The escape for U+{ord(found[0]):04X} stands for a character that is "
                    "invisible or changes how the text around it is shown.",
                    hint="Remove it.",
                    range=node.range,
                )
            )
        return node

    def _refuse_tag(self, tag: str, node: Node) -> None:
        self.problems.append(
            codes.UNSUPPORTED_YAML.error(
                f"The tag {tag} asks for a value of a special kind.",
                hint="Remove the tag; quote the value where text is meant.",
                range=node.range,
            )
        )

    def _open(
        self, node: Mapping | Sequence, event: yaml.MappingStartEvent | yaml.SequenceStartEvent
    ) -> None:
        if event.tag is not None and event.tag != "!":
            self._refuse_tag(event.tag, node)
        if len(self._stack) >= MAX_DEPTH:
            self._stop(f"The document is more than {MAX_DEPTH} levels deep.", node)
            return
        self._grow(1, node)
        self._stack.append(_Frame(node, event.anchor))

    def _close(self) -> None:
        frame = self._stack.pop()
        self._add(frame.node, frame.anchor, frame.weight)

    def _alias(self, event: yaml.AliasEvent) -> None:
        start, end = _marks(event)
        found = self._anchors.get(event.anchor or "")
        if found is None:
            itself = any(frame.anchor == event.anchor for frame in self._stack)
            what = "stands inside what it names" if itself else "names nothing in this document"
            null = Scalar(self.source, start, end, None, "", True)
            self.problems.append(
                codes.UNSUPPORTED_YAML.error(
                    f"The alias *{event.anchor} {what}.",
                    hint="Write the value out.",
                    range=null.range,
                )
            )
            self._add(null, None, 1)
            return
        node, weight = found
        self._grow(weight, node)
        self._add(node, None, weight)

    def _grow(self, weight: int, node: Node) -> None:
        self._nodes += weight
        if self._nodes > MAX_NODES:
            self._stop("With its aliases written out the document is too large.", node)

    def _add(self, node: Node, anchor: str | None, weight: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, weight)
        if not self._stack:
            if not (isinstance(node, Scalar) and node.value is None):
                self.documents.append(node)
            return
        frame = self._stack[-1]
        frame.weight += weight
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
        elif frame.key is None:
            frame.key = self._key(node)
        else:
            self._set(frame.node, frame.key, node)
            frame.key = None

    def _key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar):
            if node.plain_style and node.text == "<<":
                self.problems.append(
                    codes.UNSUPPORTED_YAML.error(
                        "The merge key << is not part of YAML 1.2.",
                        hint="Write the merged fields out.",
                        range=node.range,
                    )
                )
            return node
        self.problems.append(
            codes.UNSUPPORTED_YAML.error(
                "A list or a mapping is used as a key.", hint="Use text.", range=node.range
            )
        )
        return Scalar(node.source, node.start, node.end, "", f"?{self._nodes}", False)

    def _set(self, mapping: Mapping, key: Scalar, value: Node) -> None:
        first = mapping.entries.get(key.text)
        if key.plain_style and key.text == "<<":
            return
        if first is None:
            mapping.entries[key.text] = Entry(key, value)
            return
        where = first.key.range
        self.problems.append(
            codes.DUPLICATE_KEY.error(
                f"`{key.text}` stands here and in line {where.start.line} already.",
                hint=f"Remove this one or the one at {where}.",
                range=key.range,
            )
        )

    def _stop(self, detail: str, node: Node) -> None:
        self.stopped = True
        self.problems.append(
            codes.UNSUPPORTED_YAML.error(detail, hint="Write a flatter file.", range=node.range)
        )


def _marks(event: yaml.NodeEvent) -> tuple[Mark, Mark]:
    start, end = cast("yaml.Mark", event.start_mark), cast("yaml.Mark", event.end_mark)
    return (start.line, start.column, start.index), (end.line, end.column, end.index)
