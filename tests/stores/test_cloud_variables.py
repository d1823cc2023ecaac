"""Slips in the variables of clouds: told by name, exit 1, no panic, and no value shown."""

from __future__ import annotations

import re
from pathlib import Path

import obstore
import pytest

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
from tests.stores.conftest import Serve
from tests.stores.places import R2_ACCOUNT

__all__ = ["machine", "url"]

PREFIXES = {"s3": "AWS", "r2": "AWS", "gs": "GOOGLE", "az": "AZURE"}
BESIDE_THE_STUBS = {
    "AWS": {"AWS_ENDPOINT_URL_STS"},
    "GOOGLE": {"GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"},
    "AZURE": {"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURITE_BLOB_STORAGE_URL"},
}
HOSTILE = [
    " ",
    "\t",
    "\n",
    "hunter2\n",
    "hunter2\r\n",
    " hunter2",
    "hunter2 ",
    "hun ter2\thunter2",
    "hunter2\x1b[31m",
    "hunter2\x7f",
    "hunter2\udcff",
    "hünter2\u202e\u2028",
    "hunter2" * 20_000,
    "hunter2%zz%",
    "hunter2@example.com",
    '"hunter2"',
    "{hunter2}",
    "127.0.0.1:34093",
    "localhost:34093",
    "//127.0.0.1",
    "http://",
    "https:///hunter2",
    "http://hunter2:hunter2@127.0.0.1",
    "http://127.0.0.1:99999",
    "http://127.0.0.1:hunter2",
    "http://127.0.0.1 ",
    "http://127.0.0.1\n",
    "http://[::1",
    "http://[hunter2]",
    "https://999.1.1.1",
    "https://hunter2\\@127.0.0.1",
    "http://127.0.0.1/hunter2 hunter2",
    "http://example.com",
    "ftp://127.0.0.1",
]


def variables(prefix: str) -> list[str]:
    """Every variable that the library's own description of its settings names, and some more."""
    stubs = Path(obstore.__file__).parent / "_store"
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(stubs.glob("*.pyi")))
    found = set(re.findall(rf"`({prefix}_[A-Z0-9_]+)`", text))
    assert len(found) > 5
    return sorted(found | BESIDE_THE_STUBS[prefix])


@pytest.mark.parametrize("how", SIGNING_IN)
def test_no_value_of_any_variable_gets_past_an_error(machine: Machine, how: str) -> None:
    scheme = how[:2]
    machine.set(ENDPOINTS[scheme] | SIGNING_IN[how])
    whole = how == next(first for first in SIGNING_IN if first.startswith(scheme))
    names = variables(PREFIXES[scheme]) if whole else [*ENDPOINTS[scheme], *SIGNING_IN[how]]
    if how == "gs on a machine":
        names.append("GOOGLE_APPLICATION_CREDENTIALS")
    told = 0
    for name in names:
        for value in HOSTILE:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(name, value)
                try:
                    said = machine.refuses("state", "list", "--state", ADDRESSES[scheme])
                except AssertionError as error:
                    raise AssertionError(f"{name}={value[:40]!r}: {error}") from None
                told += "R213" in said and name in said
    assert told > len(HOSTILE)


COMMANDS = [
    ["state", "list", "--state", "@ADDRESS@"],
    ["plan", "--state", "@ADDRESS@"],
    ["apply", "--auto-approve", "--state", "@ADDRESS@"],
    ["adapter", "inspect", "@ADDRESS@"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("scheme", "name", "value", "words"),
    [
        ("s3", "AWS_ENDPOINT_URL", "127.0.0.1:34093", "does not begin with https://"),
        ("r2", "AWS_ENDPOINT_URL", "localhost:34093", "does not begin with https://"),
        ("s3", "AWS_ENDPOINT_URL_S3", "http://", "has no host"),
        ("s3", "AWS_ENDPOINT_URL", "http://127.0.0.1:34093 ", "begins or ends with a blank"),
        ("s3", "AWS_ENDPOINT_URL", "http://storage.example.com", "is a plain http:// address"),
        ("gs", "GOOGLE_BASE_URL", "127.0.0.1:34093", "does not begin with https://"),
        ("az", "AZURE_STORAGE_ENDPOINT", "localhost:34093", "does not begin with https://"),
        ("s3", "AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE\n", "ends with a line break"),
        ("r2", "AWS_SECRET_ACCESS_KEY", "hunter2\n", "ends with a line break"),
        ("s3", "AWS_SESSION_TOKEN", "hunter2\r\n", "ends with a line break"),
        ("s3", "AWS_REGION", "us-east-1\n", "ends with a line break"),
        ("s3", "AWS_REGION", "hunter2.example.com", "is more than a name"),
        ("gs", "GOOGLE_BEARER_TOKEN", "ya29.hunter2\n", "ends with a line break"),
        ("az", "AZURE_STORAGE_TOKEN", "hunter2\n", "ends with a line break"),
        ("az", "AZURE_STORAGE_ACCOUNT_KEY", "hunter2", "is not in base64"),
        ("az", "AZURE_STORAGE_ACCOUNT_NAME", "acme.blob.core.windows.net", "is more than a name"),
        ("az", "AZURE_STORAGE_SAS_TOKEN", "hunter2", "is not a signature"),
        ("az", "AZURE_TENANT_ID", "hunter2/hunter2", "is neither an id nor a domain"),
        ("az", "AZURE_USE_AZURE_CLI", "hunter2", "is neither true nor false"),
    ],
)
def test_what_is_wrong_with_a_variable_is_told_by_every_command(
    machine: Machine, command: list[str], scheme: str, name: str, value: str, words: str
) -> None:
    declare(machine)
    first = next(how for how in SIGNING_IN if how.startswith(scheme))
    machine.set(ENDPOINTS[scheme] | SIGNING_IN[first])
    machine.patch.setenv(name, value)
    said = machine.refuses(*(part.replace("@ADDRESS@", ADDRESSES[scheme]) for part in command))
    assert f"error[R213]: {SUMMARY} {name} {words}" in said


def declare(machine: Machine) -> None:
    Path("finetunes.yaml").write_text(
        'version: 1\nfinetunes:\n  bot:\n    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"\n'
    )
    machine.patch.setenv("CLOUDFLARE_API_BASE_URL", machine.url)
    machine.patch.setenv("CLOUDFLARE_ACCOUNT_ID", R2_ACCOUNT)
    machine.patch.setenv("CLOUDFLARE_API_TOKEN", "hunter2-token")


def test_two_slips_are_told_at_once(machine: Machine) -> None:
    machine.set(AWS_KEYS | {"AWS_ENDPOINT_URL": "storage", "AWS_SESSION_TOKEN": "hunter2\n"})
    said = machine.refuses("state", "list", "--state", ADDRESSES["s3"])
    assert "AWS_ENDPOINT_URL does not begin" in said
    assert "AWS_SESSION_TOKEN ends with" in said


def test_an_empty_variable_counts_as_unset(machine: Machine, serve: Serve) -> None:
    served = serve("s3")
    for name in ("AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION", "AWS_ENDPOINT"):
        machine.patch.setenv(name, "")
    machine.patch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "")
    assert machine.run("state", "list", "--state", f"{served.prefix}nothing").code == 1
    said = machine.run("state", "unlock", "--state", f"{served.prefix}nothing")
    assert said.code == 0, said.text


@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[3]], ids=["state", "adapter"])
def test_a_panic_of_the_library_is_an_error_as_well(machine: Machine, command: list[str]) -> None:
    machine.set(ENDPOINTS["s3"] | SIGNING_IN["s3 in a container"])
    # No variable's value shows this.
    Path("token").write_text("hunter2\n")
    filled = (part.replace("@ADDRESS@", ADDRESSES["s3"]) for part in command)
    said = machine.refuses(*filled, panics=True)
    assert "panicked" in said
    assert "error[R213]" in said
    assert "obstore, the library for s3://, broke down" in said
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in said
