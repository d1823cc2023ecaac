"""What clouds do not answer, and the files that their variables name."""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.stores import object_client
from tests.cli.conftest import Project, project, serve
from tests.faults.server import unused_port
from tests.stores.clouds import (
    ADDRESSES,
    AWS_KEYS,
    ENDPOINTS,
    SIGNING_IN,
    SUMMARY,
    Machine,
    machine,
    url,
)
from tests.stores.places import SERVERS

__all__ = ["machine", "project", "serve", "url"]


# No answer


def unanswered(kind: str, stack: ExitStack, url: str) -> str:
    if kind == "refused":
        return f"http://127.0.0.1:{unused_port()}"
    if kind == "unknown":
        return "https://no-such-host.invalid"
    if kind == "plain":
        return url.replace("http://", "https://")
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    if kind == "mute":
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
    else:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("refused", "it could not be reached: the connection was refused"),
        ("unknown", "it could not be reached: (there is no such host|the name of its host)"),
        ("plain", "it could not be reached: TLS failed, because it does not speak TLS"),
        ("mute", "it could not be reached: no answer came in time"),
        ("cut", "it could not be reached: the connection was cut"),
    ],
)
@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_why_there_is_no_answer(machine: Machine, scheme: str, kind: str, words: str) -> None:
    machine.patch.setattr(object_client, "ATTEMPTS", 1)
    first = next(how for how in SIGNING_IN if how.startswith(scheme))
    with ExitStack() as stack:
        endpoint = unanswered(kind, stack, machine.url)
        machine.set(dict.fromkeys(ENDPOINTS[scheme], endpoint) | SIGNING_IN[first])
        said = machine.refuses("state", "list", "--state", ADDRESSES[scheme])
    assert "error[R413]" in said
    assert re.search(f"{re.escape(ADDRESSES[scheme])}: {words}", said)


def test_a_proxy_that_is_not_there(machine: Machine) -> None:
    machine.patch.setattr(object_client, "ATTEMPTS", 1)
    machine.set(AWS_KEYS | {"HTTPS_PROXY": f"http://hunter2@127.0.0.1:{unused_port()}"})
    said = machine.refuses("state", "list", "--state", ADDRESSES["s3"])
    assert "the proxy could not be reached: the connection was refused" in said


@pytest.mark.parametrize(
    ("how", "variable"),
    [
        ("s3 by a token", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("s3 in a container", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        ("az by a token", "AZURE_FEDERATED_TOKEN_FILE"),
    ],
)
def test_a_file_of_a_token_that_is_not_there(machine: Machine, how: str, variable: str) -> None:
    machine.set(ENDPOINTS[how[:2]] | SIGNING_IN[how] | {variable: "/hunter2"})
    said = machine.refuses("state", "list", "--state", ADDRESSES[how[:2]])
    assert "error[R414]" in said
    assert f"the file that {variable} names cannot be read" in said


# Files


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON"),
        ("hunter2", "is no JSON"),
        ("[1]", "does not say which kind of credentials it has"),
        ('{"type": 7}', "does not say which kind of credentials it has"),
        (
            '{"type": "external_account", "audience": "hunter2"}',
            "has credentials of the kind external_account; only service_account",
        ),
        ('{"type": "service_account", "client_email": "a"}', "lacks private_key, private_key_id"),
        (
            json.dumps(
                {
                    "type": "service_account",
                    "client_email": "a",
                    "private_key": "hunter2",
                    "private_key_id": "1",
                }
            ),
            "has a key that cannot be read",
        ),
    ],
)
@pytest.mark.parametrize("named", [True, False], ids=["named", "of gcloud"])
def test_what_is_wrong_with_a_file_of_google(
    machine: Machine, text: str, words: str, named: bool
) -> None:
    machine.set(ENDPOINTS["gs"])
    file = Path.home() / ".config/gcloud/application_default_credentials.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    what = "The file of gcloud's default login"
    if named:
        machine.set({"GOOGLE_APPLICATION_CREDENTIALS": str(file)})
        what = "The file that GOOGLE_APPLICATION_CREDENTIALS names"
    for command in (["state", "list", "--state"], ["adapter", "inspect"]):
        said = machine.refuses(*command, ADDRESSES["gs"])
        assert "error[R213]" in said
        assert f"{what} {words}" in said


def test_a_key_of_google_where_the_path_of_a_file_belongs(machine: Machine) -> None:
    machine.set(ENDPOINTS["gs"] | {"GOOGLE_APPLICATION_CREDENTIALS": '{"private_key": "hunter2"}'})
    said = machine.refuses("state", "list", "--state", ADDRESSES["gs"])
    assert "GOOGLE_APPLICATION_CREDENTIALS holds a key itself; it takes the path of a file" in said


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/hunter2", "cannot be read: No such file or directory"),
        ("/", "is not a regular file"),
    ],
)
def test_what_is_no_file_of_google(machine: Machine, path: str, words: str) -> None:
    machine.set(ENDPOINTS["gs"] | {"GOOGLE_APPLICATION_CREDENTIALS": path})
    said = machine.refuses("state", "list", "--state", ADDRESSES["gs"])
    assert f"error[R213]: {SUMMARY} The file that GOOGLE_APPLICATION_CREDENTIALS names" in said
    assert words in said


def test_a_key_of_google_as_a_text(machine: Machine) -> None:
    machine.set(ENDPOINTS["gs"] | {"GOOGLE_SERVICE_ACCOUNT_KEY": "hunter2"})
    said = machine.refuses("state", "list", "--state", ADDRESSES["gs"])
    assert "GOOGLE_SERVICE_ACCOUNT_KEY is no JSON" in said


def test_a_profile_with_a_line_break(machine: Machine) -> None:
    machine.set(ENDPOINTS["s3"] | {"AWS_PROFILE": "prod"})
    (Path.home() / ".aws").mkdir()
    (Path.home() / ".aws/credentials").write_text(
        "[prod]\naws_access_key_id = A\naws_secret_access_key = B\n"
        "aws_session_token = hunter2\n  hunter2\n"
    )
    said = machine.refuses("state", "list", "--state", ADDRESSES["s3"])
    assert "error[R414]" in said
    assert "aws_session_token of the profile prod has a line break" in said


def test_settings_that_do_not_go_together_are_named(machine: Machine) -> None:
    machine.set(ENDPOINTS["s3"] | AWS_KEYS | {"AWS_CHECKSUM_ALGORITHM": "hunter2"})
    said = machine.refuses("state", "list", "--state", ADDRESSES["s3"])
    assert "do not go together (set are: AWS_ACCESS_KEY_ID, AWS_CHECKSUM_ALGORITHM," in said
    assert "hint: Correct or unset the one that is wrong." in said


def test_a_storage_account_that_is_not_named_is_asked_for(machine: Machine) -> None:
    said = machine.refuses("state", "list", "--state", "az://team-state/prod")
    assert "no storage account is named" in said
    assert "hint: Set AZURE_STORAGE_ACCOUNT_NAME" in said


def test_the_environment_cannot_turn_conditional_writes_off(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SERVERS["s3"]() as served:
        for name, value in served.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")
        monkeypatch.setenv("RECONCILER_STATE", f"{served.prefix}prod")
        project.declare("a")
        assert project.apply().code == 0
