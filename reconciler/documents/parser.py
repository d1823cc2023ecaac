"""Text to nodes, from PyYAML's C event stream: bounded, strict, with every place kept.

Working on events instead of PyYAML's own composer gives what it lacks: a depth limit
(its C composer recurses), duplicate keys, a bound on aliases, and no tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import cast

import yaml

from reconciler.diagnostics import Diagnostic, SourceRange
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents.characters import AT_MARKER, find_hidden, name_of, replace_hidden
from reconciler.documents.limits import MAX_DEPTH, MAX_FINDINGS, MAX_NODES
from reconciler.documents.nodes import Entry, Mapping, Node, Scalar, Sequence
from reconciler.documents.scalars import resolve
from reconciler.documents.source import Source
from reconciler.documents.syntax_errors import explain
from reconciler.documents.wording import put_in_quotes, shorten

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# An @ that may begin a value, in block or flow style. Only those that turn out to begin a
# plain scalar are complained about; in quotes, comments and block texts @ means itself.
_UNQUOTED_AT = re.compile(r"(?<![^\s\[,{:])@")
_TOO_DEEP = "exceeded maximum nesting depth"
"""libyaml from 0.2.6 on scans ahead and gives up at a depth of its own, past ours."""
_MAX_MARKED = 10_000
"""Past so many the next one is a syntax error."""


def parse(source: Source) -> tuple[list[Node], list[Diagnostic]]:
    """Parse every document of a stream; empty documents are left out.

    Whole documents before a syntax error are returned, together with the error.
    """
    builder = _Builder(source)
    text = _UNQUOTED_AT.sub(AT_MARKER, source.text, _MAX_MARKED)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
            if builder.stopped:
                break
    except yaml.MarkedYAMLError as error:
        builder.add_syntax_error(error)
    return builder.documents, builder.problems


@dataclass(slots=True)
class _Frame:
    """A collection that is being read; weight: its nodes with every alias written out."""

    node: Mapping | Sequence
    anchor: str | None
    flow: bool
    weight: int = 1
    key: Scalar | None = None
    key_refused: bool = False


@dataclass(slots=True)
class _Builder:
    source: Source
    documents: list[Node] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    stopped: bool = False
    _root: Node | None = None
    _stack: list[_Frame] = field(default_factory=list)
    _anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)
    _nodes: int = 0
    _last: Scalar | None = None
    _reached: tuple[int, int] = (0, 0)

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._last = node = self._scalar(event)
            self._reached = (node.end_line, node.end_column)
            self._grow(1, node)
            self._add(node, event.anchor, 1)
        elif isinstance(event, yaml.MappingStartEvent):
            self._open(Mapping(self.source, *_span(event), {}), event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open(Sequence(self.source, *_span(event), []), event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.DocumentEndEvent):
            self._end()

    def add_syntax_error(self, error: yaml.MarkedYAMLError) -> None:
        """Add the error that ends the stream; it knows better than what led to it."""
        if error.problem == _TOO_DEEP and error.problem_mark:
            mark = error.problem_mark
            self._refuse_depth(self.source.within(mark.line, mark.column, mark.column + 1))
            return
        found = explain(self.source, error, self._last)
        line = found.range.start.line if found.range else 0
        self.problems = [
            problem
            for problem in self.problems
            if not (problem.range and problem.range.start.line == line)
        ]
        self.problems.append(found)

    def _begin(self, event: yaml.DocumentStartEvent) -> None:
        self._anchors.clear()
        if event.version is not None and tuple(event.version) != (1, 2):
            line = _span(event)[0]
            self._report(
                codes.UNSUPPORTED_YAML.error(
                    "Files are read as YAML 1.2, whatever they say.",
                    hint="Remove the line that begins with %YAML.",
                    range=self.source.within(line, 0, len(self.source.line(line))),
                )
            )

    def _end(self) -> None:
        root, self._root = self._root, None
        if root is not None and not (isinstance(root, Scalar) and root.value is None):
            self.documents.append(root)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        written = event.value
        text = written.replace(AT_MARKER, "@") if AT_MARKER in written else written
        plain = not event.style
        node = Scalar(self.source, *_span(event), text, text, plain)
        if event.tag is not None:
            self._refuse_tag(event.tag, node)
        elif plain:
            if written.startswith(AT_MARKER):
                self._refuse_at(node)
            else:
                node.value = resolve(text)
        elif event.style == '"' and (found := next(find_hidden(text), None)):
            self._refuse_escape(found[0], node)
        return node

    def _refuse_at(self, node: Scalar) -> None:
        self._report(
            codes.UNQUOTED_AT.error(
                "YAML reserves @ at the beginning of a value that is not in quotes.",
                hint=put_in_quotes(node),
                range=node.range,
            )
        )

    def _refuse_escape(self, character: str, node: Scalar) -> None:
        node.value = node.text = replace_hidden(node.text)
        self._report(
            codes.NOT_TEXT.error(
                f"An escape in this value stands for {name_of(character)}, which is invisible or "
                "changes how the text around it is shown.",
                hint="Remove the escape.",
                range=node.range,
            )
        )

    def _refuse_tag(self, tag: str, node: Node) -> None:
        self._report(
            codes.UNSUPPORTED_YAML.error(
                f"The tag {shorten(tag)} asks for a value of a special kind.",
                hint="Remove the tag. Where text is meant, put the value in quotes.",
                range=node.range,
            )
        )

    def _open(
        self, node: Mapping | Sequence, event: yaml.MappingStartEvent | yaml.SequenceStartEvent
    ) -> None:
        if event.tag is not None:
            self._refuse_tag(event.tag, node)
        if len(self._stack) >= MAX_DEPTH:
            self._refuse_depth(node.range)
            return
        self._grow(1, node)
        self._stack.append(_Frame(node, event.anchor, bool(event.flow_style)))

    def _close(self, event: yaml.CollectionEndEvent) -> None:
        frame = self._stack.pop()
        # In block style the end event stands at whatever comes next.
        if frame.flow:
            self._reached = _span(event)[2:]
        frame.node.end_line, frame.node.end_column = self._reached
        self._add(frame.node, frame.anchor, frame.weight)

    def _alias(self, event: yaml.AliasEvent) -> None:
        self._reached = _span(event)[2:]
        found = self._anchors.get(event.anchor or "")
        if found is not None:
            node, weight = found
            self._grow(weight, node)
            self._add(node, None, weight)
            return
        itself = any(frame.anchor == event.anchor for frame in self._stack)
        what = "stands inside what it names" if itself else "names nothing in this document"
        nothing = Scalar(self.source, *_span(event), None, "", True)
        self._report(
            codes.UNSUPPORTED_YAML.error(
                f"The alias *{shorten(event.anchor or '')} {what}.",
                hint="Write the value out. Where text is meant, put it in quotes.",
                range=nothing.range,
            )
        )
        self._add(nothing, None, 1)

    def _grow(self, weight: int, node: Node) -> None:
        self._nodes += weight
        if self._nodes > MAX_NODES:
            detail = f"The file has more than {MAX_NODES:,} values, with every alias written out."
            self._stop(detail, "Split the file, and write out what aliases stand for.", node.range)

    def _add(self, node: Node, anchor: str | None, weight: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, weight)
        if not self._stack:
            self._root = node
            return
        frame = self._stack[-1]
        frame.weight += weight
        collection = frame.node
        if isinstance(collection, Sequence):
            collection.items.append(node)
        elif frame.key is None:
            frame.key, frame.key_refused = self._key(node)
        else:
            if not frame.key_refused:
                self._set(collection, frame.key, node)
            frame.key = None

    def _key(self, node: Node) -> tuple[Scalar, bool]:
        """Return the key, and whether it is refused; then its value is left out too."""
        if not isinstance(node, Scalar):
            self._report(
                codes.UNSUPPORTED_YAML.error(
                    "A list or a mapping is used as a key.",
                    hint="Where a value begins with { or [ and text is meant, put it in quotes.",
                    range=node.range,
                )
            )
            return Scalar(node.source, node.line, node.column, 0, 0, "", "", False), True
        if node.plain_style and node.text == "<<":
            self._report(
                codes.UNSUPPORTED_YAML.error(
                    "The merge key << is not part of YAML 1.2.",
                    hint="Write the merged fields out.",
                    range=node.range,
                )
            )
            return node, True
        return node, False

    def _set(self, mapping: Mapping, key: Scalar, value: Node) -> None:
        first = mapping.entries.get(key.text)
        if first is None:
            mapping.entries[key.text] = Entry(key, value)
            return
        where = first.key.range
        self._report(
            codes.DUPLICATE_KEY.error(
                f"`{shorten(key.text)}` stands here and in line {where.start.line} already.",
                hint=f"Remove this one or the one at {where}.",
                range=key.range,
            )
        )

    def _report(self, problem: Diagnostic) -> None:
        self.problems.append(problem)
        self.stopped = self.stopped or len(self.problems) >= MAX_FINDINGS

    def _refuse_depth(self, where: SourceRange) -> None:
        self._stop(f"This is more than {MAX_DEPTH} levels deep.", "Write a flatter file.", where)

    def _stop(self, detail: str, hint: str, where: SourceRange) -> None:
        self.stopped = True
        self.problems.append(codes.UNSUPPORTED_YAML.error(detail, hint=hint, range=where))


def _span(event: yaml.Event) -> tuple[int, int, int, int]:
    """Return line and column of start and end, which an event of a loader always has."""
    start, end = cast("yaml.Mark", event.start_mark), cast("yaml.Mark", event.end_mark)
    return start.line, start.column, end.line, end.column
