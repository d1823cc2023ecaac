"""Bytes that no well-meaning client sends: an answer or a closed connection, never a crash."""

from __future__ import annotations

import http.client
import re
import socket
from urllib.parse import urlsplit

import pytest

from tests.sandbox.conftest import LORA_MODEL, Client

AUTHORIZATION = b"Authorization: Bearer sandbox-token-not-a-secret\r\n"
TARGET = b"/client/v4/accounts/5a4db0c05a4db0c05a4db0c05a4db0c0/ai/finetunes"
POST = b"POST " + TARGET + b" HTTP/1.1\r\nHost: x\r\n" + AUTHORIZATION
GET = b"GET " + TARGET + b" HTTP/1.1\r\nHost: x\r\n" + AUTHORIZATION
UPLOAD = b"POST " + TARGET + b"/bot/finetune-assets HTTP/1.1\r\nHost: x\r\n" + AUTHORIZATION
CREATE = b'{"name": "smuggled", "model": "' + LORA_MODEL.encode() + b'"}'
LENGTH = b"Content-Length: %d\r\n" % len(CREATE)


def exchange(client: Client, data: bytes) -> bytes:
    """Send the bytes and nothing more; return everything that comes back."""
    url = urlsplit(client.sandbox.base_url)
    answer = b""
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while received := connection.recv(65536):
            answer += received
    return answer


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"\r\n\r\n", b"", id="empty lines"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", b"400", id="tls hello"),
        pytest.param(b"\x00\xff" * 500 + b"\r\n", b"400", id="binary"),
        pytest.param(b"GET /\r\n", b"404", id="http/0.9"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", b"505", id="http/9.9"),
        pytest.param(b"BREW / HTTP/1.1\r\n\r\n", b"501", id="unknown method"),
        pytest.param(b"GET /" + b"a" * 70_000, b"414", id="long request line"),
        pytest.param(GET + b"X: 1\r\n" * 200 + b"\r\n", b"431", id="many headers"),
        pytest.param(GET + b"X: " + b"1" * 70_000 + b"\r\n\r\n", b"431", id="long header"),
        pytest.param(GET + b"no colon\r\n\r\n", b"200", id="header without colon"),
        pytest.param(b"GET //[ HTTP/1.1\r\n\r\n", b"404", id="broken address"),
        pytest.param(b"GET http://x/client/v4/ HTTP/1.1\r\n\r\n", b"404", id="absolute target"),
        pytest.param(b"GET * HTTP/1.1\r\n\r\n", b"404", id="asterisk target"),
        pytest.param(b"GET /client/v4/%ff%00 HTTP/1.1\r\n\r\n", b"404", id="escapes"),
        pytest.param(GET.replace(b" HTTP", b"?%ff=%00&&page HTTP") + b"\r\n", b"400", id="query"),
        pytest.param(POST + b"\r\n", b"400", id="no length"),
        pytest.param(POST + b"Content-Length: 0\r\n\r\n", b"400", id="zero length"),
        pytest.param(POST + b"Content-Length: -5\r\n\r\nhello", b"400", id="negative length"),
        pytest.param(POST + b"Content-Length: 1_0\r\n\r\nhello", b"400", id="odd length"),
        pytest.param(POST + b"Content-Length: x\r\n\r\nhello", b"400", id="length no number"),
        pytest.param(
            POST + LENGTH + b"Content-Length: 5\r\n\r\n" + CREATE, b"400", id="two lengths"
        ),
        pytest.param(
            POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}", b"400", id="endless length"
        ),
        pytest.param(
            POST + b"Content-Length: 9223372036854775807\r\n\r\n{}", b"413", id="huge length"
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"400", id="chunked"
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CREATE,
            b"400",
            id="smuggling",
        ),
        pytest.param(POST + b"Content-Length: 100\r\n\r\n{}", b"", id="cut body"),
        pytest.param(
            POST.replace(b"Bearer s", b"Bearer x") + b"Content-Length: 100\r\n\r\n{}",
            b"401",
            id="cut body of a stranger",
        ),
        pytest.param(
            UPLOAD + b"Content-Type: multipart/form-data; boundary*1*=x''\r\n"
            b"Content-Length: 2\r\n\r\n{}",
            b"400",
            id="odd boundary",
        ),
        pytest.param(
            UPLOAD + b'Content-Type: multipart/form-data; boundary=""\r\n'
            b"Content-Length: 2\r\n\r\n{}",
            b"400",
            id="empty boundary",
        ),
        pytest.param(UPLOAD + b"Content-Length: 2\r\n\r\n{}", b"400", id="no content type"),
    ],
)
def test_hostile_bytes_change_nothing_and_print_nothing(
    client: Client, capfd: pytest.CaptureFixture[str], data: bytes, status: bytes
) -> None:
    client.sandbox.account.create("bot", LORA_MODEL)
    answer = exchange(client, data)
    assert answer.split(b" ")[1:2] == ([status] if status else [])
    assert b"Traceback" not in answer
    assert client.names() == ["bot"]
    assert client.sandbox.account.assets(client.sandbox.account.finetunes()[0].id) == ()
    assert capfd.readouterr() == ("", "")


def test_a_refused_body_does_not_spoil_the_connection(client: Client) -> None:
    wrong = POST.replace(b"Bearer s", b"Bearer x")
    body = b"GET / HTTP/1.1\r\n\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    answer = exchange(client, wrong + length + body + GET + b"\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"401", b"200"]


def test_a_client_that_asks_first_is_told_to_go_on(client: Client) -> None:
    body = b'{"name": "bot", "model": "' + LORA_MODEL.encode() + b'"}'
    head = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    url = urlsplit(client.sandbox.base_url)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as connection:
        connection.sendall(head)
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_head_is_answered_without_a_body(client: Client) -> None:
    answer = exchange(client, GET.replace(b"GET", b"HEAD") + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert answer.endswith(b"\r\n\r\n")


def test_a_chunked_body_is_refused_with_an_answer_that_arrives(client: Client) -> None:
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    answer = exchange(client, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 32)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b'"code": 3003' in answer


def test_an_upload_over_the_limit_is_refused_with_an_answer_that_arrives(client: Client) -> None:
    client.sandbox.account.create("bot", LORA_MODEL)
    block, blocks = bytes(1024 * 1024), 310
    headers = {
        "Authorization": f"Bearer {client.sandbox.settings.token}",
        "Content-Length": str(len(block) * blocks),
    }
    url = urlsplit(client.sandbox.base_url)
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    target = f"{url.path}{client.finetunes_path}/bot/finetune-assets"
    connection.request("POST", target, body=iter([block] * blocks), headers=headers)
    status = connection.getresponse().status
    connection.close()
    assert status == 413
