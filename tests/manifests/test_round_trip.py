"""Whatever style a valid manifest is written in, it reads back as what was meant."""

from __future__ import annotations

import re
from typing import Any

import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from reconciler.documents.characters import is_hidden_in
from reconciler.model import Address, Desired
from tests.manifests.support import read

# PyYAML writes by YAML 1.1; what 1.2 would not read as text has to be quoted by hand.
NOT_TEXT = re.compile(
    r"(?:~|null|Null|NULL|true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)"
    r"|\.(?:nan|NaN|NAN))?"
)
STYLES = (None, "'", '"', "|", ">")

logical_names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", fullmatch=True)
texts = st.text(
    st.characters(codec="utf-8", include_characters="\n\t@#:-[]{}'\"\\ ", exclude_characters="\r"),
    max_size=60,
).filter(lambda text: not is_hidden_in(text))
words = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=9
)
names = words.filter(
    lambda name: not is_hidden_in(name) and not name.lower().startswith("cf-public-")
)
models = st.builds("@cf/{}/{}".format, *[st.from_regex(r"[a-z0-9.-]+", fullmatch=True)] * 2)
labels = st.dictionaries(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,20}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9._/-]{0,20}", fullmatch=True),
    max_size=4,
)
bodies = st.fixed_dictionaries(
    {"model": models},
    optional={
        "description": texts,
        "public": st.booleans(),
        "name": names,
        "versioned": st.booleans(),
        "labels": labels,
        "adapter": st.from_regex(r"[A-Za-z0-9._-]+(/[A-Za-z0-9_-]+)*", fullmatch=True).filter(
            lambda path: not path.startswith("..")
        ),
    },
)


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the contents of a valid manifest: remote names are unique, moves make sense."""
    finetunes = draw(st.dictionaries(logical_names, bodies, max_size=5))
    finetunes = {
        name: body
        for name, body in finetunes.items()
        if not str(body.get("name", name)).lower().startswith("cf-public-")
    }
    seen: set[str] = set()
    for name in list(finetunes):
        remote = str(finetunes[name].get("name", name))
        if remote in seen:
            del finetunes[name]
        seen.add(remote)
    others = draw(
        st.lists(logical_names.filter(lambda n: n not in finetunes), unique=True, max_size=6)
    )
    moved = [{"from": old, "to": new} for old, new in zip(others, finetunes, strict=False)]
    manifest = {
        "version": 1,
        "finetunes": finetunes,
        "moved": moved,
        "removed": others[len(moved) :],
    }
    return {key: manifest[key] for key in draw(st.permutations(list(manifest)))}


def dumper(draw: st.DrawFn) -> type[yaml.SafeDumper]:
    """Make a dumper that writes each text in a style of its own."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    def represent(made: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        style = draw(st.sampled_from(STYLES))
        if style is None and NOT_TEXT.fullmatch(text):
            style = '"'
        return made.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return Dumper


@st.composite
def written(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    """Draw a manifest and one of the many ways to write it."""
    manifest = draw(manifests())
    text: str = yaml.dump(
        manifest,
        Dumper=dumper(draw),
        default_flow_style=draw(st.sampled_from([True, False, None])),
        sort_keys=draw(st.booleans()),
        allow_unicode=draw(st.booleans()),
        width=draw(st.sampled_from([20, 80, 10_000])),
        indent=draw(st.sampled_from([2, 3, 7])),
        explicit_start=draw(st.booleans()),
        explicit_end=draw(st.booleans()),
        line_break=draw(st.sampled_from(["\n", "\r\n"])),
    )
    # PyYAML folds some texts in double quotes to other ones.
    assume(yaml.safe_load(text) == manifest)
    mark = b"\xef\xbb\xbf" if draw(st.booleans()) else b""
    return manifest, mark + text.encode()


def plain(desired: Desired) -> dict[str, Any]:
    """Return Desired in the shape of a manifest, with every default written out."""
    return {
        "finetunes": {
            address.name: {
                "model": finetune.model,
                "name": finetune.base_name,
                "description": finetune.description,
                "public": finetune.public,
                "versioned": finetune.versioned,
                "labels": dict(finetune.labels),
                "adapter": finetune.adapter_path,
            }
            for address, finetune in desired.finetunes.items()
        },
        "moved": {new.name: old.name for new, old in desired.moved.items()},
        "removed": {address.name for address in desired.removed},
    }


def meant(*manifests: dict[str, Any]) -> dict[str, Any]:
    """Return what manifests mean, in the same shape."""
    defaults = {"description": "", "public": False, "versioned": False, "labels": {}, "adapter": ""}
    return {
        "finetunes": {
            name: {"name": name, **defaults, **body}
            for manifest in manifests
            for name, body in manifest.get("finetunes", {}).items()
        },
        "moved": {m["to"]: m["from"] for manifest in manifests for m in manifest.get("moved", [])},
        "removed": {name for manifest in manifests for name in manifest.get("removed", [])},
    }


@given(written())
def test_a_manifest_reads_back_as_it_was_meant(case: tuple[dict[str, Any], bytes]) -> None:
    manifest, raw = case
    reading = read(raw)
    assert reading.diagnostics == ()
    assert plain(reading.desired) == meant(manifest)


@given(written(), st.data())
def test_cut_into_documents_and_files_in_any_order_it_means_the_same(
    case: tuple[dict[str, Any], bytes], data: st.DataObject
) -> None:
    manifest, _ = case
    parts: list[dict[str, Any]] = [
        {"version": 1, "finetunes": {name: body}} for name, body in manifest["finetunes"].items()
    ]
    parts += [{"version": 1, "moved": [move]} for move in manifest["moved"]]
    parts += [{"version": 1, "removed": manifest["removed"]}]
    order = data.draw(st.permutations(parts))
    cut = data.draw(st.integers(0, len(order) - 1))
    files = [
        yaml.safe_dump_all(part, allow_unicode=True) for part in (order[:cut], order[cut:]) if part
    ]
    reading = read(*(quote_numbers(text) for text in files))
    assert reading.diagnostics == ()
    assert plain(reading.desired) == meant(manifest)
    assert list(reading.desired.finetunes) == sorted(reading.desired.finetunes)


def quote_numbers(text: str) -> str:
    """Quote what only YAML 1.2 takes for a number, such as 0o7 and 1e3, as a value."""

    def mend(found: re.Match[str]) -> str:
        return f'{found[1]}"{found[2]}"' if NOT_TEXT.fullmatch(found[2]) else found[0]

    return re.sub(r"(?m)^(?!version)(.*: |- )([-+.0-9][-+.0-9a-zA-Z]*)$", mend, text)


@given(names, names)
@example("é", "e\u0301")
def test_names_are_compared_as_they_are_written(one: str, two: str) -> None:
    document = {
        "version": 1,
        "finetunes": {
            "a": {"model": "@cf/a/b", "name": one},
            "b": {"model": "@cf/a/b", "name": two},
        },
    }
    reading = read(
        yaml.safe_dump(document, default_style='"').replace('"version": !!int "1"', "version: 1")
    )
    assert [d.code for d in reading.diagnostics] == (["R110"] if one == two else [])
    if one != two:
        assert reading.desired.finetunes[Address("a")].base_name == one
