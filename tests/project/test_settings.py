"""The settings of a run: where each comes from, and what a project file may not say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.model import Limits
from reconciler.project import PROJECT_FILE, Flags, Settings, resolve_settings
from tests.manifests.support import assert_presentable, marked

ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"
OTHER = "f" * 32
VARIABLE = "CLOUDFLARE_ACCOUNT_ID"


def resolve(
    root: Path, text: str | bytes = "", flags: Flags | None = None, account: str | None = None
) -> Settings:
    environment = {} if account is None else {VARIABLE: account}
    if text:
        raw = text if isinstance(text, bytes) else text.encode()
        (root / PROJECT_FILE).write_bytes(raw)
    return resolve_settings(root, environment, flags or Flags())


def refused(root: Path, text: str | bytes) -> tuple[Diagnostic, ...]:
    with pytest.raises(DiagnosticError) as raised:
        resolve(root, text)
    assert raised.value.exit_code == 1
    return raised.value.diagnostics


WHOLE = f"""\
# yaml-language-server: $schema=project.v1.schema.json
version: 1
account_id: {ACCOUNT}
manifests: [finetunes/, more.yaml]
state: states/prod.json
parallelism: 8
limits: {{max_finetunes: 200, max_rank: 64, max_adapter_bytes: 1000, requests_per_5_minutes: 60}}
"""


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    assert resolve(tmp_path) == Settings(
        tmp_path, state="reconciler.state.json", parallelism=4, limits=Limits()
    )


def test_every_setting_of_the_file_is_read(tmp_path: Path) -> None:
    settings = resolve(tmp_path, WHOLE)
    assert settings.account_id == settings.require_account() == ACCOUNT
    assert str(settings.account_range) == "reconciler.yaml:3:13"
    assert settings.manifests == ("finetunes/", "more.yaml")
    assert (settings.state, settings.parallelism) == ("states/prod.json", 8)
    assert settings.limits == Limits(200, 64, 1000, 60)


def test_the_version_alone_is_enough(tmp_path: Path) -> None:
    assert resolve(tmp_path, "version: 1\n") == Settings(tmp_path)


def test_limits_that_are_left_out_have_their_defaults(tmp_path: Path) -> None:
    settings = resolve(tmp_path, "version: 1\nlimits: {max_rank: 64}\n")
    assert settings.limits == Limits(max_rank=64)


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    settings = resolve(tmp_path, WHOLE, account=f" {OTHER}\n")
    assert settings.require_account() == OTHER
    assert settings.account_range is None


def test_an_empty_variable_does_not_beat_the_file(tmp_path: Path) -> None:
    assert resolve(tmp_path, WHOLE, account="").account_id == ACCOUNT


def test_flags_beat_the_file(tmp_path: Path) -> None:
    settings = resolve(tmp_path, WHOLE, Flags(("-", "x.yaml"), "other.json", 1))
    assert (settings.manifests, settings.state) == (("-", "x.yaml"), "other.json")
    assert settings.parallelism == 1
    assert settings.limits.max_finetunes == 200


def test_flags_that_are_not_given_do_not_beat_the_file(tmp_path: Path) -> None:
    settings = resolve(tmp_path, WHOLE, Flags())
    assert (settings.manifests, settings.state, settings.parallelism) == (
        ("finetunes/", "more.yaml"),
        "states/prod.json",
        8,
    )


@given(
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.booleans(),
)
def test_each_setting_comes_from_the_strongest_that_names_it(
    in_file: tuple[bool, bool, bool], by_flag: tuple[bool, bool, bool], in_environment: bool
) -> None:
    import tempfile

    lines = ["manifests: [file]", "state: file", "parallelism: 2"]
    text = "\n".join(["version: 1", f"account_id: {ACCOUNT}"])
    text += "".join(f"\n{line}" for line, there in zip(lines, in_file, strict=True) if there)
    flags = Flags(
        ("flag",) if by_flag[0] else (), "flag" if by_flag[1] else "", 3 if by_flag[2] else 0
    )
    with tempfile.TemporaryDirectory() as folder:
        settings = resolve(Path(folder), text, flags, OTHER if in_environment else None)
    assert settings.account_id == (OTHER if in_environment else ACCOUNT)
    assert settings.manifests == (("flag",) if by_flag[0] else ("file",) if in_file[0] else ())
    assert settings.state == (
        "flag" if by_flag[1] else "file" if in_file[1] else "reconciler.state.json"
    )
    assert settings.parallelism == (3 if by_flag[2] else 2 if in_file[2] else 4)


def test_a_whole_number_may_be_written_as_yaml_likes(tmp_path: Path) -> None:
    settings = resolve(tmp_path, "version: 1\nparallelism: 2.0\nlimits: {max_rank: 0x10}\n")
    assert (settings.parallelism, settings.limits.max_rank) == (2, 16)
    assert isinstance(settings.parallelism, int)


# The account.


def test_no_account_names_the_variable_and_the_field(tmp_path: Path) -> None:
    with pytest.raises(DiagnosticError) as raised:
        resolve(tmp_path).require_account()
    (problem,) = raised.value.diagnostics
    assert problem.code == "R202"
    assert VARIABLE in problem.detail
    assert "account_id in reconciler.yaml" in problem.detail
    assert "--sandbox" in problem.hint


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("v1.0-hunter2-a-token-in-the-wrong-place", "has 39 characters"),
        (ACCOUNT.upper(), "has other characters"),
        ("../accounts/" + "0" * 20, "has other characters"),
        (ACCOUNT[:-1] + "\u0661", "has other characters"),
    ],
)
def test_a_malformed_account_of_the_environment_is_not_repeated(
    tmp_path: Path, value: str, detail: str
) -> None:
    with pytest.raises(DiagnosticError) as raised:
        resolve(tmp_path, account=value).require_account()
    (problem,) = raised.value.diagnostics
    assert problem.code == "R203"
    assert problem.detail == f"{VARIABLE} {detail}; an account id is 32 lower-case hex digits."
    assert value not in repr(problem)


@pytest.mark.parametrize(
    ("written", "code", "hint"),
    [
        (ACCOUNT.upper(), "R108", "An account id has 32 lower-case hex digits"),
        ("abc", "R108", "An account id has 32 lower-case hex digits"),
        ("0" * 32, "R107", f'Put it in quotes: "{"0" * 32}"'),
        ("12345678901234567890123456789e12", "R107", "Put it in quotes: "),
        (f'"{ACCOUNT}\\n"', "R108", "An account id has 32 lower-case hex digits"),
    ],
)
def test_a_malformed_account_of_the_file_is_told_with_its_line(
    tmp_path: Path, written: str, code: str, hint: str
) -> None:
    (problem,) = refused(tmp_path, f"version: 1\naccount_id: {written}\n")
    assert (problem.code, str(problem.range)) == (code, "reconciler.yaml:2:13")
    assert problem.hint.startswith(hint)


def test_an_account_of_digits_in_quotes_is_taken(tmp_path: Path) -> None:
    assert (
        resolve(tmp_path, f'version: 1\naccount_id: "{"0" * 32}"\n').require_account() == "0" * 32
    )


# Mistakes.


def test_every_mistake_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    text = (
        "version: 2\nacount_id: x\nmanifests: []\nparallelism: 0\nstate: 5\n"
        "limits: {max_rank: no, max_rnak: 1}\nparallelism: 3\n"
    )
    problems = refused(tmp_path, text)
    assert [(p.code, str(p.range).removeprefix("reconciler.yaml:")) for p in problems] == [
        ("R117", "1:10"),
        ("R105", "2:1"),
        ("R108", "3:12"),
        ("R108", "4:14"),
        ("R107", "5:8"),
        ("R107", "6:20"),
        ("R105", "6:24"),
        ("R104", "7:1"),
    ]
    for problem in problems:
        assert_presentable(problem, text.encode())


@pytest.mark.parametrize(
    ("text", "code", "place", "detail"),
    [
        ("\n", "R204", "1:1", "reconciler.yaml is empty."),
        ("# nothing\n", "R204", "1:1", "reconciler.yaml is empty."),
        ("- version: 1\n", "R204", "1:1", "reconciler.yaml is not a mapping."),
        ("hello\n", "R204", "1:1", "reconciler.yaml is not a mapping."),
        (
            "version: 1\n---\nversion: 1\n",
            "R204",
            "3:1",
            "reconciler.yaml holds several documents.",
        ),
        ("state: x\n", "R106", "1:1", "The document has no `version`."),
        ("version: 1\nstate: [\n", "R103", "2:8", "The [ that opens here is never closed."),
        (
            "version: 1\nlimits: !!python/name:os {}\n",
            "R113",
            "2:9",
            "The tag tag:yaml.org,2002:python/name:os asks for a value of a special kind.",
        ),
        (
            "version: 1\nmanifests: finetunes\n",
            "R107",
            "2:12",
            "`manifests` must be a list, but `finetunes` is text.",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, text: str, code: str, place: str, detail: str
) -> None:
    (problem,) = refused(tmp_path, text)
    assert (problem.code, str(problem.range)) == (code, f"reconciler.yaml:{place}")
    assert problem.detail == detail
    assert problem.hint


@pytest.mark.parametrize("raw", [b"\xff\xfev\x00", b"version: 1\x1b\n", b"a" * 5_000_000])
def test_what_is_no_text_is_refused(tmp_path: Path, raw: bytes) -> None:
    (problem,) = refused(tmp_path, raw)
    assert problem.code == "R102"


@pytest.mark.parametrize("kind", ["fifo", "folder", "dangling link"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / PROJECT_FILE
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("gone")
    (problem,) = refused(tmp_path, "")
    assert problem.code == "R101"
    assert problem.detail.startswith("reconciler.yaml: ")


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: f"version: 1\n{t}".encode()))
def test_whatever_the_file_holds_there_are_settings_or_diagnostics(raw: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        try:
            assert resolve(Path(folder), raw or b"\n").parallelism >= 1
        except DiagnosticError as error:
            for problem in error.diagnostics:
                assert_presentable(problem, raw or b"\n")


# Row 60 of the faults: out of the project.


@pytest.mark.parametrize("path", ["/etc", "../x", "..", "a/../../x", "link", "link/x.yaml", "-"])
def test_row_60_manifests_out_of_the_project_are_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "link").symlink_to("/etc")
    (problem,) = refused(root, f"version: 1\nmanifests: [a.yaml, '{path}']\n")
    assert (problem.code, str(problem.range)) == ("R204", "reconciler.yaml:2:21")
    assert problem.detail == f"`{path}` is no file or folder inside the project."
    assert marked(problem) == f"'{path}'"


@pytest.mark.parametrize("path", [".", "./a", "a/../b", "a/b/", "link"])
def test_manifests_inside_the_project_are_taken(tmp_path: Path, path: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    assert resolve(tmp_path, f"version: 1\nmanifests: ['{path}']\n").manifests == (path,)


def test_flags_may_name_manifests_anywhere(tmp_path: Path) -> None:
    assert resolve(tmp_path, "", Flags(manifests=("/etc", "..", "-"))).manifests == (
        "/etc",
        "..",
        "-",
    )


def test_row_60_a_project_file_that_links_out_of_the_project_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "secret").write_text("hunter2\n", encoding="utf-8")
    (root / PROJECT_FILE).symlink_to("../secret")
    (problem,) = refused(root, "")
    assert problem.detail == "reconciler.yaml: It links out of the project."
    assert "hunter2" not in repr(problem)


def test_a_project_file_that_links_inside_the_project_is_taken(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("version: 1\nparallelism: 2\n", encoding="utf-8")
    (tmp_path / PROJECT_FILE).symlink_to("real.yaml")
    assert resolve(tmp_path).parallelism == 2


# Row 61 of the faults: never an address of the API, never a credential.


@pytest.mark.parametrize(
    "field",
    [
        *(
            "base_url",
            "baseUrl",
            "BASE_URL",
            "url",
            "api_url",
            "base_uri",
            "endpoint",
            "api_endpoint",
        ),
        *("host", "server", "proxy", "https_proxy", "gateway", "api_base", "CLOUDFLARE_BASE_URL"),
        *("CLOUDFLARE_API_BASE_URL", "base-url"),
    ],
)
def test_row_61_an_address_of_the_api_is_refused_with_the_reason(
    tmp_path: Path, field: str
) -> None:
    (problem,) = refused(tmp_path, f"version: 1\n{field}: https://evil.example\n")
    assert (problem.code, str(problem.range)) == ("R105", "reconciler.yaml:2:1")
    assert problem.detail == (
        "The project file never says where the API is: a pull request must not be able to send a "
        "token elsewhere."
    )
    assert (problem.hint, marked(problem)) == ("Remove it.", field)


@pytest.mark.parametrize(
    "field",
    [
        *(
            "api_token",
            "apiToken",
            "token",
            "TOKEN",
            "CLOUDFLARE_API_TOKEN",
            "cloudflare_api_token",
        ),
        *("api_key", "api-key", "apikey", "key", "CLOUDFLARE_API_KEY", "CLOUDFLARE_EMAIL", "email"),
        *("secret", "client_secret", "password", "passwd", "credential", "credentials", "auth"),
        *("authorization", "X-Auth-Key", "auth_email"),
    ],
)
def test_row_61_a_credential_is_refused_with_the_reason_and_not_shown(
    tmp_path: Path, field: str
) -> None:
    text = f"version: 1\n{field}: hunter2\n"
    (problem,) = refused(tmp_path, text)
    assert (problem.code, str(problem.range)) == ("R105", "reconciler.yaml:2:1")
    assert problem.detail == (
        "The project file never holds a credential: everybody who can read the repository could "
        "use it. It comes from the environment."
    )
    assert (problem.hint, marked(problem)) == ("Remove it.", field)
    assert "hunter2" not in repr(problem) or "mail" in field.lower()


@pytest.mark.parametrize("field", ["api_token", "CLOUDFLARE_API_KEY", "password", "X-Auth-Key"])
@pytest.mark.parametrize(
    "written",
    ["hunter2", '"hunter2"', "[hunter2]", "@hunter2", "hunter2: x", "'hunter2", "!x hunter2"],
)
def test_row_61_the_value_of_a_credential_is_in_no_message(
    tmp_path: Path, field: str, written: str
) -> None:
    problems = refused(tmp_path, f"version: 1\n{field}: {written}\n")
    assert "hunter2" not in repr(problems)


def test_row_61_a_credential_further_down_is_refused_too(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, "version: 1\nlimits: {api_token: hunter2}\n")
    assert problem.code == "R105"
    assert "hunter2" not in repr(problem)


def test_sources_and_bandwidth(tmp_path: Path) -> None:
    text = (
        "version: 1\nmax_bytes_per_second: 1000000\n"
        "sources: {allow: [hf://acme, 's3://acme-adapters/prod'], max_cache_bytes: 5000}\n"
    )
    settings = resolve(tmp_path, text)
    assert settings.allowed_sources == ("hf://acme", "s3://acme-adapters/prod")
    assert (settings.max_cache_bytes, settings.max_bytes_per_second) == (5000, 1_000_000)


@pytest.mark.parametrize("entry", ["acme", "http://a.example", "https://", "https://u:p@a.example"])
def test_an_allowed_source_is_the_beginning_of_an_address(tmp_path: Path, entry: str) -> None:
    (problem,) = refused(tmp_path, f"version: 1\nsources: {{allow: ['{entry}']}}\n")
    assert problem.code == "R108"
    assert "hf://ORG" in problem.hint


def test_the_cache_is_where_the_environment_says(tmp_path: Path) -> None:
    settings = resolve_settings(tmp_path, {"RECONCILER_CACHE": "/var/cache/x"}, Flags())
    assert settings.cache == "/var/cache/x"
