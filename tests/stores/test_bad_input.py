"""What can be wrong with a place, through the command line: told, exit 1, and nothing sent."""

from __future__ import annotations

import os
import re
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from reconciler.cli.main import run
from reconciler.stores import object_client, open_store
from tests.faults.server import ACCOUNT_ID, FaultServer
from tests.internal import failed_internally
from tests.stores.conftest import Serve
from tests.stores.contender import info
from tests.stores.http_proxy import tampering
from tests.stores.places import BUCKET, R2_ACCOUNT

MODEL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
KEY = f"{BUCKET}/prod"
AZURE_OTHER_KEY = "aHVudGVyMg=="
AZURE = pytest.mark.needs_system


@dataclass(frozen=True, slots=True)
class Project:
    server: FaultServer
    capture: pytest.CaptureFixture[str]

    def refuses(self, address: str) -> str:
        """Plan and apply with this state: exit 1, no secret shown, nothing sent; what it said."""
        before = self._asked()
        for command in (["plan"], ["apply", "--auto-approve"]):
            self.capture.readouterr()
            assert run([*command, "--state", address]) == 1
            said = "".join(self.capture.readouterr())
            assert "hunter" not in said
            assert "AKIA" not in said
            assert AZURE_OTHER_KEY not in said
            assert not failed_internally(said)
        assert self._asked() == before
        return " ".join(said.split())

    def _asked(self) -> int:
        """How many requests the account had; metadata are asked for at the same server."""
        return len([r for r in self.server.requests if r.target.startswith("/client/")])


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Project]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(object_client, "FIRST_PAUSE", 0.01)
    Path("finetunes.yaml").write_text(f'version: 1\nfinetunes:\n  bot:\n    model: "{MODEL}"\n')
    with FaultServer() as server:
        monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", server.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "hunter2-token")
        yield Project(server, capsys)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("s3", "s3://no-such-bucket/prod"),
        ("r2", f"r2://{R2_ACCOUNT}/no-such-bucket/prod"),
        ("gs", "gs://no-such-bucket/prod"),
        pytest.param("az", "az://no-such-container/prod", marks=AZURE),
    ],
)
def test_a_wrong_bucket(project: Project, serve: Serve, kind: str, address: str) -> None:
    serve(kind)
    said = project.refuses(address)
    assert "error[R415]" in said
    assert "there is no bucket or container no-such-" in said


@pytest.mark.parametrize(
    ("kind", "variable", "value", "words"),
    [
        ("gs", "GOOGLE_BEARER_TOKEN", "ya29.hunter3", "does not accept the credentials"),
        pytest.param(
            "az", "AZURE_STORAGE_ACCOUNT_KEY", AZURE_OTHER_KEY, "AuthorizationFailure", marks=AZURE
        ),
        ("postgresql", "PGPASSWORD", "hunter3", "password authentication failed"),
        ("http", "TF_HTTP_PASSWORD", "hunter3", "may not"),
    ],
)
def test_credentials_that_a_server_itself_does_not_accept(
    project: Project,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    variable: str,
    value: str,
    words: str,
) -> None:
    address = f"{serve(kind).prefix}{uuid.uuid4()}"
    monkeypatch.setenv(variable, value)
    said = project.refuses(address)
    assert "error[R414]" in said
    assert words in said


@pytest.mark.parametrize("metadata", ["answers", "is not there"])
@pytest.mark.parametrize(
    ("address", "hint"),
    [
        (f"s3://{KEY}", "AWS_ACCESS_KEY_ID"),
        (f"r2://{R2_ACCOUNT}/{KEY}", "R2 API token's key pair"),
        (f"gs://{KEY}", "gcloud auth application-default login"),
        (f"az://{KEY}", "AZURE_STORAGE_ACCOUNT_KEY"),
    ],
)
def test_no_credentials_at_all(
    project: Project, monkeypatch: pytest.MonkeyPatch, address: str, hint: str, metadata: str
) -> None:
    # Where a machine in a cloud would get some; this one knows none, or is none.
    url = project.server.origin if metadata == "answers" else "http://127.0.0.1:9"
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            monkeypatch.delenv(name)
    for name in ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"):
        monkeypatch.setenv(name, url.removeprefix("http://"))
    monkeypatch.setenv("HOME", str(Path.cwd()))
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", url)
    monkeypatch.setenv("AZURE_MSI_ENDPOINT", f"{url}/metadata/identity/oauth2/token")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "acme")
    # What is only an endpoint lets plain http:// through, which the metadata are behind.
    for name in ("AWS_ENDPOINT_URL", "GOOGLE_BASE_URL", "AZURE_STORAGE_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    said = project.refuses(address)
    assert "error[R414]" in said
    assert "there are no credentials for" in said
    assert hint in said


@pytest.mark.parametrize("kind", ["s3", "r2", "gs"])
@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ("403 AccessDenied", "R414", "the credentials may not do this (AccessDenied)"),
        ("400 ExpiredToken", "R414", "the credentials have expired"),
        ("503 SlowDown", "R424", "SlowDown"),
    ],
)
def test_no_permission_and_expired_credentials(
    project: Project,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    answer: str,
    code: str,
    words: str,
) -> None:
    served = serve(kind)
    with tampering(served.endpoint) as proxy:
        proxy.decide = lambda method, number: answer
        monkeypatch.setenv(served.variable, proxy.url)
        said = project.refuses(f"{served.prefix}{uuid.uuid4()}")
    assert f"error[{code}]" in said
    assert words in said


@pytest.mark.parametrize("kind", ["s3", "r2", "gs"])
def test_a_server_without_conditional_writes(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    served = serve(kind)
    with tampering(served.endpoint) as proxy:
        proxy.decide = lambda method, number: "ignore"
        monkeypatch.setenv(served.variable, proxy.url)
        said = project.refuses(f"{served.prefix}{uuid.uuid4()}")
    assert "error[R416]" in said
    assert "ignores If-None-Match and If-Match" in said


def test_a_server_without_locks(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve("http")
    with tampering(served.endpoint) as proxy:
        proxy.decide = lambda method, number: "405 no" if method == "LOCK" else ""
        assert "error[R409]" in project.refuses(f"{proxy.url}/state/{uuid.uuid4()}")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ada:hunter2@127.0.0.1/state/prod",
        "postgresql://ada@127.0.0.1/state/prod?password=hunter2",
        "https://ada:hunter2@git.example.com/state",
        "https://git.example.com/state?private_token=hunter2",
        f"s3://AKIAIOSFODNN7EXAMPLE:hunter2@{KEY}",
        f"r2://hunter2@{R2_ACCOUNT}/{KEY}",
        f"gs://ada:hunter2@{KEY}",
        f"az://ada:hunter2@{KEY}",
    ],
)
def test_a_password_in_the_address_is_refused_and_never_printed(
    project: Project, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "error[R418]" in project.refuses(address)
    Path("reconciler.yaml").write_text(f'version: 1\nstate: "{address}"\n')
    project.capture.readouterr()
    assert run(["plan"]) == 1
    said = "".join(project.capture.readouterr())
    assert "R418" in said
    assert "hunter" not in said
    Path("reconciler.yaml").unlink()
    assert run(["state", "migrate", "--to", address]) == 1
    assert "hunter" not in "".join(project.capture.readouterr())


# PostgreSQL


@dataclass(frozen=True, slots=True)
class Database:
    """A database of its own, and a role in it that may nothing yet. state: as that role."""

    admin: str
    role: str

    @property
    def state(self) -> str:
        return f"{self.admin.replace('postgres@', f'{self.role}@')}/prod"

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.admin) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture
def database(serve: Serve, project: Project) -> Database:
    server, name = serve("postgresql").endpoint, f"d{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'hunter2'")
    return Database(f"{server.rpartition('/')[0]}/{name}", name)


def least_privileges(role: str) -> list[str]:
    docs = Path(__file__).parents[2] / "docs/shared-state.md"
    block = docs.read_text(encoding="utf-8").partition("```sql\n")[2].partition("```")[0]
    return [line.replace("ROLE", role) for line in block.splitlines()]


def begin(database: Database) -> None:
    """Make the tables, as the administrator does by a first use."""
    assert run(["plan", "--state", f"{database.admin}/prod"]) == 0


def test_a_role_with_just_the_privileges_of_the_docs_can_do_all(
    database: Database, project: Project
) -> None:
    begin(database)
    database.execute(*least_privileges(database.role))
    assert run(["apply", "--auto-approve", "--state", database.state]) == 0
    assert run(["plan", "--detailed-exitcode", "--state", database.state]) == 0
    assert run(["state", "mv", "bot", "other", "--state", database.state]) == 0
    assert run(["state", "unlock", "--state", database.state]) == 0
    assert project.server.count("create") == 1


def test_a_role_that_may_not_make_the_schema(database: Database, project: Project) -> None:
    said = project.refuses(database.state)
    assert "error[R414]" in said
    assert "permission denied for database" in said


NEEDED = [
    ("USAGE ON SCHEMA reconciler", "permission denied for schema"),
    ("SELECT ON reconciler.version", "permission denied for table version"),
    ("SELECT ON reconciler.state", "permission denied for table state"),
    ("INSERT ON reconciler.state", "permission denied for table state"),
    ("INSERT ON reconciler.history", "permission denied for table history"),
    ("SELECT ON reconciler.history", "permission denied for table history"),
    ("INSERT ON reconciler.holder", "permission denied for table holder"),
]


@pytest.mark.parametrize(("privilege", "words"), NEEDED)
def test_a_role_that_lacks_one_privilege_is_told_which(
    database: Database, project: Project, privilege: str, words: str
) -> None:
    begin(database)
    database.execute(*least_privileges(database.role))
    database.execute(f"REVOKE {privilege} FROM {database.role}")
    project.capture.readouterr()
    assert run(["apply", "--auto-approve", "--state", database.state]) == 1
    said = " ".join(project.capture.readouterr().err.split())
    assert "error[R414]" in said
    assert words in said
    assert not project.server.count("create")


def test_whoever_frees_the_lock_of_another_role_needs_one_more_privilege(
    database: Database, project: Project, tmp_path: Path
) -> None:
    begin(database)
    other = f"{database.role}_ci"
    database.execute(f"CREATE ROLE {other} LOGIN PASSWORD 'hunter2'")
    for role in (database.role, other):
        database.execute(*least_privileges(role))
    holder = info()
    free = ["state", "unlock", "--force", holder.id, "--state", database.state]
    ci = f"{database.admin.replace('postgres@', f'{other}@')}/prod"
    with open_store(ci, tmp_path).lock(holder, 0):
        project.capture.readouterr()
        assert run(free) == 1
        said = " ".join(project.capture.readouterr().err.split())
        assert "error[R414]" in said
        grant = f"GRANT pg_signal_backend TO {database.role};"
        assert grant in said
        docs = (Path(__file__).parents[2] / "docs/shared-state.md").read_text(encoding="utf-8")
        assert grant.replace(database.role, "ROLE") in docs
        database.execute(grant)
        assert run(free) == 0
    assert run(["state", "unlock", "--state", database.state]) == 0
    assert "is not locked" in project.capture.readouterr().out


def test_a_holder_that_the_server_cannot_end_still_holds_the_lock(
    database: Database, project: Project, tmp_path: Path
) -> None:
    begin(database)
    address, holder = f"{database.admin}/prod", info()
    with open_store(address, tmp_path).lock(holder, 0):
        with psycopg.connect(database.admin) as connection:
            query = "SELECT pid FROM reconciler.holder WHERE name = 'prod'"
            row = connection.execute(query).fetchone()
        assert row is not None
        os.kill(row[0], signal.SIGSTOP)
        try:
            project.capture.readouterr()
            assert run(["state", "unlock", "--force", holder.id, "--state", address]) == 1
        finally:
            os.kill(row[0], signal.SIGCONT)
    said = " ".join("".join(project.capture.readouterr()).split())
    assert "error[R424]" in said
    assert "did not end the holder's connection" in said
    assert "is free" not in said


def test_tables_of_another_version(database: Database, project: Project) -> None:
    begin(database)
    database.execute(*least_privileges(database.role))
    database.execute("UPDATE reconciler.version SET version = 7")
    said = project.refuses(database.state)
    assert "error[R421]" in said
    assert "the tables are of version 7; this release uses version 1" in said


def test_a_schema_that_is_somebody_elses(database: Database, project: Project) -> None:
    begin(database)
    database.execute("DROP TABLE reconciler.state")
    said = project.refuses(f"{database.admin}/prod")
    assert "error[R421]" in said
    assert "is not the one that this tool makes" in said


def test_a_database_that_is_not_there(project: Project, serve: Serve) -> None:
    said = project.refuses(f"{serve('postgresql').endpoint.rpartition('/')[0]}/nowhere/prod")
    assert "error[R415]" in said
    assert re.search(r"createdb -h 127\.0\.0\.1 -p \d+ -U postgres nowhere", said)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("s3", f"s3://{KEY}"),
        ("gs", f"gs://{KEY}"),
        ("postgresql", "postgresql://ada@127.0.0.1:9/state/prod"),
        ("http", "http://127.0.0.1:9/state"),
    ],
)
def test_a_place_that_cannot_be_reached(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch, kind: str, address: str
) -> None:
    served = serve(kind)
    if served.variable:
        monkeypatch.setenv(served.variable, "http://127.0.0.1:9")
    assert "error[R413]" in project.refuses(address)
