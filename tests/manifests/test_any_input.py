"""Whatever is read, nothing is raised: there is a Desired, or there are diagnostics."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.diagnostics import has_errors
from reconciler.manifests import Reading
from tests.manifests.support import MODEL, assert_presentable, read
from tests.manifests.test_reading import FIVE_MISTAKES, WHOLE

PIECES = (
    *("version: 1\n", "finetunes:\n", "  bot:\n", f"    model: {MODEL}\n", "    public: no\n"),
    *("moved: [", "{from: ", "a, to: ", "bot}", "]\n", "removed:\n", "  - x\n", "url: x\n"),
    *(": ", "- ", "\n", "  ", "\t", "'", '"', "[", "]", "{", "}", "#", ",", "`", "|", ">", "? "),
    *(
        "&a ",
        "*a",
        "!!str ",
        "<<: ",
        "@cf/a/b",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "~",
        "1e999",
        "0x",
    ),
    *("\r", "é", "\U0001f600", "\x1b", "\u202e", "\ue000", "\ufeff", "\x00", "\u2028", "\\ud800"),
    "token: hunter2",
)


def assert_sound(reading: Reading, raw: bytes) -> None:
    assert has_errors(reading.diagnostics) == bool(reading.diagnostics)
    assert len(reading.diagnostics) <= 101
    mistakes = {d.range.start.line for d in reading.diagnostics if d.range}
    declared = [finetune.range_of("") for finetune in reading.desired.finetunes.values()]
    assert not any(key is None or key.start.line in mistakes for key in declared)
    assert reading.desired.finetunes.keys() <= reading.folders.keys()
    for diagnostic in reading.diagnostics:
        if diagnostic.code != "R119":
            assert_presentable(diagnostic, raw)
        if raw.count(b"hunter2") == raw.count(b"token: hunter2"):
            assert "hunter2" not in repr(diagnostic)


@given(st.binary(max_size=300))
def test_random_bytes(raw: bytes) -> None:
    assert_sound(read(raw), raw)


@given(st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_random_text(raw: bytes) -> None:
    assert_sound(read(raw), raw)


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_pieces_of_yaml_in_any_order(text: str) -> None:
    assert_sound(read(text), text.encode())


@given(
    st.sampled_from([WHOLE, FIVE_MISTAKES]),
    st.lists(
        st.tuples(st.integers(0, 700), st.integers(0, 12), st.sampled_from(PIECES)),
        min_size=1,
        max_size=4,
    ),
)
def test_manifests_with_pieces_cut_out_and_put_in(
    text: str, cuts: list[tuple[int, int, str]]
) -> None:
    for at, length, piece in cuts:
        text = text[:at] + piece + text[at + length :]
    assert_sound(read(text), text.encode())
