from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.diagnostics import DiagnosticError
from reconciler.project import Flags, resolve_settings
from reconciler.stores import open_store

ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"


@pytest.mark.parametrize(
    "address",
    [
        "s3://bucket/a/b.json",
        f"r2://{ACCOUNT}/bucket/key",
        f"r2://{ACCOUNT}.eu/bucket/key",
        "gs://bucket/key",
        "az://container/key",
        "postgresql://ada@db.example.com:5433/state/team/prod",
        "postgresql:///state/prod",
        "https://git.example.com/api/v4/projects/7/terraform/state/prod",
    ],
)
def test_an_address_is_shown_as_it_was_written(address: str, tmp_path: Path) -> None:
    assert open_store(address, tmp_path).location == address


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("s3://bucket", "R417"),
        ("s3:///key", "R417"),
        ("s3://bucket/", "R417"),
        ("s3://bucket/a//b", "R417"),
        ("s3://bucket/../other", "R417"),
        ("s3://bucket/key?endpoint=http://evil", "R417"),
        ("s3://bucket/key#fragment", "R417"),
        ("r2://bucket/key", "R417"),
        (f"r2://{ACCOUNT}.evil.example.com/bucket/key", "R417"),
        (f"r2://evil.example.com%2f{ACCOUNT}/bucket/key", "R417"),
        ("postgresql://host/database", "R417"),
        ("postgresql://host/database/prod?sslmode=disable", "R417"),
        ("postgresql://host/database/prod?host=evil.example.com", "R417"),
        ("postgresql://host:port/database/prod", "R417"),
        ("http://git.example.com/state", "R417"),
        ("https:///state", "R417"),
        ("https://[::1/state", "R417"),
        ("postgresql://ada:hunter2@host/database/prod", "R418"),
        ("postgresql://ada@host/database/prod?password=hunter2", "R418"),
        ("https://ada:hunter2@git.example.com/state", "R418"),
        ("https://hunter2@git.example.com/state", "R418"),
        ("https://git.example.com/state?private_token=hunter2", "R418"),
        ("s3://AKIA:hunter2@bucket/key", "R418"),
        ("https://git.example.com/state;password=hunter2", "R418"),
        ("ftp://ada:hunter2@host/state", "R411"),
        ("host=db.example.com password=hunter2 dbname=state", "R417"),
        ("password = hunter2", "R417"),
        ("ada:hunter2@db.example.com/state/prod", "R417"),
        ("ada:hunter2/x@db.example.com/state/prod", "R417"),
    ],
)
def test_a_wrong_address_is_refused_and_no_secret_is_shown(
    address: str, code: str, tmp_path: Path
) -> None:
    with pytest.raises(DiagnosticError) as caught:
        open_store(address, tmp_path)
    assert caught.value.diagnostics[0].code == code
    assert "hunter2" not in f"{caught.value} {caught.value.diagnostics!r}"


# Who may say where credentials go

SERVERS = [
    ("postgresql://db.example.com/state/prod", "PGHOST", "db.example.com"),
    ("https://git.example.com/state", "TF_HTTP_ADDRESS", "https://git.example.com/other"),
]


@pytest.mark.parametrize(("address", "variable", "value"), SERVERS)
def test_a_server_that_only_the_project_file_names_is_refused(
    address: str, variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value.replace("example.com", "example.com.evil.org"))
    with pytest.raises(DiagnosticError, match="R419"):
        open_store(address, tmp_path, from_project_file=True)
    open_store(address, tmp_path)


@pytest.mark.parametrize(("address", "variable", "value"), SERVERS)
def test_a_server_that_the_environment_names_too_is_taken(
    address: str, variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert open_store(address, tmp_path, from_project_file=True).location == address


OTHERS = [
    ("postgresql://db.example.com:6543/state/prod", {"PGHOST": "db.example.com"}),
    ("postgresql://:6543/state/prod", {"PGHOST": "db.example.com"}),
    ("postgresql://me@:6543/state/prod", {"PGHOST": "db.example.com", "PGPORT": "5432"}),
    ("postgresql://:5432/state/prod", {"PGSERVICE": "state"}),
    ("https://git.example.com:8443/state", {"TF_HTTP_ADDRESS": "https://git.example.com/state"}),
    ("https://git.example.com/state", {"TF_HTTP_ADDRESS": "https://git.example.com:8443/state"}),
    ("http://127.0.0.1:5997/state", {"TF_HTTP_ADDRESS": "http://127.0.0.1:5998/state"}),
    ("https://git.example.com/state", {"TF_HTTP_ADDRESS": "http://git.example.com/state"}),
    ("https://git.example.com/state", {"TF_HTTP_ADDRESS": "https://git.example.com:x/"}),
    ("https://git.example.com/state", {"TF_HTTP_ADDRESS": "https://[git.example.com"}),
]


@pytest.mark.parametrize(("address", "environment"), OTHERS)
def test_another_port_or_scheme_is_another_server(
    address: str,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DiagnosticError, match="R419"):
        open_store(address, tmp_path, from_project_file=True)


SAME = [
    ("postgresql://db.example.com/state/prod", {"PGHOST": "DB.example.com", "PGPORT": "6543"}),
    ("postgresql:///state/prod", {"PGSERVICE": "state"}),
    ("postgresql://db.example.com:5432/state/prod", {"PGHOST": "db.example.com"}),
    (
        "postgresql://db.example.com:6543/state/prod",
        {"PGHOST": "db.example.com", "PGPORT": "6543"},
    ),
    ("https://git.example.com:443/state", {"TF_HTTP_ADDRESS": "https://git.example.com/other"}),
    ("https://git.example.com/state", {"TF_HTTP_ADDRESS": "git.example.com"}),
]


@pytest.mark.parametrize(("address", "environment"), SAME)
def test_the_same_server_in_other_words_is_taken(
    address: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    open_store(address, tmp_path, from_project_file=True)


TLS = [
    ("sslmode=require", {"PGSSLMODE": "verify-full"}, False),
    ("sslmode=require", {"PGSERVICE": "state"}, False),
    ("sslmode=verify-full&sslrootcert=ca.pem", {}, False),
    ("sslrootcert=ca.pem", {"PGSSLROOTCERT": "/etc/ca.pem"}, False),
    ("sslrootcert=system", {"PGSSLROOTCERT": "/etc/ca.pem"}, False),
    ("sslmode=verify-full&sslrootcert=system", {}, True),
    ("sslmode=require", {}, True),
    ("sslmode=verify-full", {"PGSSLMODE": "verify-full"}, True),
    ("sslmode=verify-full&sslrootcert=system", {"PGSSLMODE": "require"}, True),
    ("sslmode=verify-full", {"PGSERVICE": "state"}, True),
    ("sslrootcert=system", {"PGSERVICE": "state", "PGSSLMODE": "verify-full"}, False),
    ("sslrootcert=/etc/ca.pem", {"PGSSLROOTCERT": "/etc/ca.pem"}, True),
]


@pytest.mark.parametrize(("options", "environment", "is_taken"), TLS)
def test_the_project_file_does_not_weaken_what_the_environment_says_of_tls(
    options: str,
    environment: dict[str, str],
    is_taken: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE", "PGPORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"PGHOST": "db.example.com", **environment}.items():
        monkeypatch.setenv(name, value)
    address = f"postgresql://db.example.com/state/prod?{options}"
    open_store(address, tmp_path)
    if is_taken:
        open_store(address, tmp_path, from_project_file=True)
        return
    with pytest.raises(DiagnosticError, match="R419"):
        open_store(address, tmp_path, from_project_file=True)


def test_clouds_may_be_named_by_the_project_file(tmp_path: Path) -> None:
    assert open_store("s3://bucket/key", tmp_path, from_project_file=True)


def test_the_environment_beats_the_project_file_and_the_flag_beats_both(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text("version: 1\nstate: https://git.example.com/a\n")
    settings = resolve_settings(tmp_path, {}, Flags())
    assert (settings.state, settings.state_from_file) == ("https://git.example.com/a", True)
    environment = {"RECONCILER_STATE": "s3://bucket/key"}
    settings = resolve_settings(tmp_path, environment, Flags())
    assert (settings.state, settings.state_from_file) == ("s3://bucket/key", False)
    settings = resolve_settings(tmp_path, environment, Flags(state="own.json"))
    assert (settings.state, settings.state_from_file) == ("own.json", False)


def test_a_file_with_such_a_name_is_one_where_it_is_said(tmp_path: Path) -> None:
    for path in ("./team:prod@v2.json", "./a=b c=d.json"):
        assert open_store(path, tmp_path).location == path


def test_the_lock_of_an_http_state_is_on_its_own_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_HTTP_LOCK_ADDRESS", "https://evil.example.com/lock")
    with pytest.raises(DiagnosticError, match="R419"):
        open_store("https://git.example.com/state", tmp_path)
    monkeypatch.setenv("TF_HTTP_LOCK_ADDRESS", "https://git.example.com:443/lock")
    open_store("https://git.example.com/state", tmp_path)


# Optional libraries


@pytest.mark.parametrize(
    ("address", "library", "extra"),
    [
        ("s3://bucket/key", "obstore", "s3"),
        (f"r2://{ACCOUNT}/bucket/key", "obstore", "r2"),
        ("gs://bucket/key", "obstore", "gs"),
        ("az://container/key", "obstore", "az"),
        ("postgresql://host/database/prod", "psycopg", "postgresql"),
    ],
)
def test_a_missing_library_is_named_with_the_way_to_install_it(
    address: str, library: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("reconciler.stores.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DiagnosticError) as caught:
        open_store(address, tmp_path).load()
    assert caught.value.diagnostics[0].code == "R420"
    assert caught.value.diagnostics[0].hint == (
        f"Install the extra {extra}:\n  pip install 'finetune-reconciler[{extra}]'\n"
        f"or in a checkout:\n  pip install '.[{extra}]'"
    )


def test_opening_a_file_imports_no_library_of_a_shared_store() -> None:
    script = (
        "import sys, pathlib\n"
        "from reconciler.stores import open_store\n"
        "open_store('state.json', pathlib.Path())\n"
        "open_store('s3://bucket/key', pathlib.Path())\n"
        "print([n for n in ('obstore', 'psycopg', 'requests', 'ssl') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
