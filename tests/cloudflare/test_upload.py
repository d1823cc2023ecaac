from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field

import pytest

from reconciler.cloudflare import (
    AccountClient,
    AlreadyThere,
    Ambiguous,
    Credentials,
    Refused,
    Timeouts,
    Uploaded,
)
from reconciler.cloudflare.multipart import BLOCK, MultipartBody
from reconciler.diagnostics import Code, DiagnosticError
from tests.cloudflare.conftest import ClientFactory, FakeTime
from tests.faults import reactions
from tests.faults.reactions import answer_with, api_error, cut_after, early, execute_then, html
from tests.faults.server import (
    ACCOUNT_ID,
    Exchange,
    FaultServer,
    Reaction,
    envelope_error,
    http_answer,
    shut,
    unused_port,
)

ID = "00000000-0000-4000-8000-000000000001"
CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
CHANGED = Code("R999", "Changed", why="", fix="")


@dataclass
class File:
    """A file in memory that can turn out to be another one at its end, or to break."""

    content: bytes
    size: int = -1
    error: Exception | None = None
    largest_read: int = 0
    _stream: io.BytesIO = field(init=False)

    def __post_init__(self) -> None:
        self._stream = io.BytesIO(self.content)
        if self.size < 0:
            self.size = len(self.content)

    def read(self, size: int, /) -> bytes:
        self.largest_read = max(self.largest_read, size)
        block = self._stream.read(size)
        if not block and self.error is not None:
            raise self.error
        return block


def ignore(_: int) -> None:
    pass


def send(client: AccountClient, content: bytes = b"{}") -> object:
    return client.upload(ID, CONFIG, File(content), ignore)


def test_request_is_the_documented_one(server: FaultServer, client: AccountClient) -> None:
    assert send(client, b'{"r": 8}') == Uploaded()
    (request,) = server.requests
    assert request.method == "POST"
    assert request.target == (f"/client/v4/accounts/{ACCOUNT_ID}/ai/finetunes/{ID}/finetune-assets")
    kind, _, boundary = request.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    assert "transfer-encoding" not in request.headers
    assert request.headers["content-length"] == str(len(request.body))
    assert (
        request.body
        == (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="file_name"\r\n\r\n'
            "adapter_config.json\r\n"
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="file"; filename="adapter_config.json"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
            '{"r": 8}\r\n'
            f"--{boundary}--\r\n"
        ).encode()
    )


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 7])
def test_every_byte_arrives(server: FaultServer, client: AccountClient, size: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    assert client.upload(ID, WEIGHTS, File(content), ignore) == Uploaded()
    assert server.account.assets[ID][WEIGHTS] == content


def test_file_is_read_in_blocks(client: AccountClient) -> None:
    file = File(b"x" * (4 * BLOCK))
    client.upload(ID, WEIGHTS, file, ignore)
    assert file.largest_read == BLOCK


def test_progress_counts_what_has_left(client: AccountClient) -> None:
    seen: list[int] = []
    client.upload(ID, WEIGHTS, File(b"x" * (2 * BLOCK + 5)), seen.append)
    assert seen == [BLOCK, 2 * BLOCK, 2 * BLOCK + 5]


def test_reader_that_finds_a_change_at_the_end_cuts_the_upload_off(
    server: FaultServer, client: AccountClient
) -> None:
    error = DiagnosticError(CHANGED.error("The file has changed."))
    with pytest.raises(DiagnosticError) as caught:
        client.upload(ID, WEIGHTS, File(b"x" * (2 * BLOCK), error=error), ignore)
    assert caught.value is error
    client.close()
    server.wait_for_end()
    (broken,) = server.requests
    assert not broken.complete
    assert WEIGHTS not in server.account.assets[ID]


def test_last_block_stays_here_when_the_reader_finds_a_change() -> None:
    error = DiagnosticError(CHANGED.error("The file has changed."))
    body = MultipartBody(WEIGHTS, File(b"a" * BLOCK + b"b" * 10, error=error), ignore)
    sent = bytearray()
    with pytest.raises(DiagnosticError):
        sent.extend(block[-1] for block in body)
    assert ord("b") not in sent


@pytest.mark.parametrize(("size", "words"), [(9, "larger"), (11, "smaller"), (10**6, "smaller")])
def test_file_of_another_size_cuts_the_upload_off(
    server: FaultServer, client: AccountClient, size: int, words: str
) -> None:
    with pytest.raises(DiagnosticError) as caught:
        client.upload(ID, WEIGHTS, File(b"x" * 10, size=size), ignore)
    assert caught.value.diagnostics[0].code == "R521"
    assert words in caught.value.diagnostics[0].detail
    client.close()
    server.wait_for_end()
    assert not server.requests[0].complete
    assert WEIGHTS not in server.account.assets[ID]


def test_file_that_cannot_be_read_is_named(client: AccountClient) -> None:
    file = File(b"x" * 10, error=OSError(5, "Input/output error"))
    with pytest.raises(DiagnosticError) as caught:
        client.upload(ID, WEIGHTS, file, ignore)
    assert f"{WEIGHTS} could not be read on: Input/output error" in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        reactions.reset,
        reactions.close,
        reactions.reset_unread,
        execute_then(reactions.close),
        cut_after(1000),
        reactions.truncated_head,
        reactions.no_http,
        html(502),
        html(524),
        html(413),
        html(200),
        answer_with(200, {"success": False, "errors": []}),
        api_error(500, 1000),
        api_error(408, 3007),
        api_error(429, None),
        reactions.redirect(307, "http://127.0.0.1:1/"),
        reactions.gzip_bomb,
        reactions.endless_body,
    ],
)
def test_rows_13_14_16_17_18_24_26_and_34_everything_unclear_is_ambiguous_after_one_request(
    server: FaultServer, client: AccountClient, fault: Reaction
) -> None:
    server.script("upload", fault)
    outcome = send(client, b"x" * 100_000)
    assert isinstance(outcome, Ambiguous)
    assert outcome.diagnostic.code == "R518"
    assert CONFIG in outcome.diagnostic.detail
    assert server.count("upload") == 1


def test_row_32_the_same_bytes_can_be_sent_again(
    server: FaultServer, client: AccountClient
) -> None:
    server.script("upload", execute_then(reactions.close))
    assert isinstance(send(client, b"abc"), Ambiguous)
    assert send(client, b"abc") == Uploaded()
    assert server.account.assets[ID][CONFIG] == b"abc"


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [("20", 20.0), ("-5", 1.0), ("1.5", 1.5), ("abc", 1.0), ("999999999", 300.0)],
)
def test_row_21_429_delays_the_next_attempt(
    server: FaultServer, client: AccountClient, time: FakeTime, retry_after: str, waits: float
) -> None:
    server.script("upload", api_error(429, None, retry_after=retry_after))
    assert isinstance(send(client), Ambiguous)
    assert time.slept == []
    assert send(client) == Uploaded()
    assert time.slept == [waits]


def test_row_29_unknown_fields_are_tolerated(server: FaultServer, client: AccountClient) -> None:
    server.script("upload", reactions.result({"id": ID, "more": 1}, result_info={}, other=[]))
    assert send(client) == Uploaded()


def test_row_35_no_connection_is_used_twice(server: FaultServer, client: AccountClient) -> None:
    server.script("upload", reactions.answer_then_reset_next)
    assert send(client) == Uploaded()
    assert send(client) == Uploaded()
    assert server.connections == 2


@pytest.mark.parametrize("status", [200, 201])
def test_row_34_a_yes_before_the_end_of_the_file_is_no_acknowledgement(
    server: FaultServer, client: AccountClient, status: int
) -> None:
    """It stops reading, says yes, and goes: what did not fit into the buffers was never sent."""

    def say_yes(exchange: Exchange) -> bool:
        exchange.read_body(1000)
        exchange.sock.sendall(http_answer(status, {"success": True}, {"Connection": "close"}))
        shut(exchange.sock)
        return False

    server.script("upload", say_yes)
    outcome = send(client, b"x" * 32 * 1024 * 1024)
    assert isinstance(outcome, Ambiguous)
    assert server.count("upload") == 1


@pytest.mark.parametrize(
    ("status", "number", "fatal"),
    [
        (400, 3003, False),
        (413, 3006, False),
        (404, 3037, False),
        (403, 10000, True),
        (401, None, True),
        (429, 3036, True),
    ],
)
def test_rows_22_and_33_error_of_the_api_is_a_definite_no(
    server: FaultServer, client: AccountClient, status: int, number: int | None, fatal: bool
) -> None:
    server.script("upload", api_error(status, number))
    outcome = send(client)
    assert isinstance(outcome, Refused)
    assert (outcome.fatal, outcome.sent) == (fatal, True)
    assert server.count("upload") == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [(409, "conflict"), (400, "file already exists"), (400, "has already been uploaded")],
)
def test_rows_23_and_32_exists_is_told_apart(
    server: FaultServer, client: AccountClient, status: int, message: str
) -> None:
    server.script("upload", api_error(status, None, message))
    outcome = send(client)
    assert isinstance(outcome, AlreadyThere)
    assert outcome.diagnostic.code == "R519"
    assert not outcome.diagnostic.is_error


def test_row_33_no_that_comes_in_the_middle_of_the_body_is_read(
    server: FaultServer, client: AccountClient
) -> None:
    server.script("upload", early(413, envelope_error(3006, "too large"), read=10_000))
    outcome = client.upload(ID, WEIGHTS, File(b"x" * 3_000_000), ignore)
    assert isinstance(outcome, Refused)
    assert "code 3006" in outcome.diagnostic.detail


def test_row_12_unreachable_api_reads_nothing_of_the_file(make_client: ClientFactory) -> None:
    file = File(b"x")
    outcome = make_client(f"http://127.0.0.1:{unused_port()}").upload(ID, CONFIG, file, ignore)
    assert isinstance(outcome, Refused)
    assert not outcome.sent
    assert file.largest_read == 0


def test_row_34_server_that_stops_reading_is_given_up(
    server: FaultServer, make_client: ClientFactory
) -> None:
    given_up = threading.Event()

    def stop_reading(exchange: Exchange) -> bool:
        exchange.read_body(1000)
        return not given_up.wait(60)

    server.script("upload", stop_reading)
    timeouts = Timeouts(connect=5, total=30, stall=0.3, answer=30)
    client = make_client(server.base_url, timeouts=timeouts)
    outcome = client.upload(ID, WEIGHTS, File(b"x" * 50_000_000), ignore)
    given_up.set()
    assert isinstance(outcome, Ambiguous)
    assert "in time" in outcome.diagnostic.detail


def test_rows_15_and_25_server_that_never_answers_is_given_up(
    server: FaultServer, hasty: AccountClient
) -> None:
    server.script("upload", reactions.hang)
    outcome = send(hasty)
    assert isinstance(outcome, Ambiguous)
    assert "in time" in outcome.diagnostic.detail


@pytest.mark.parametrize("finetune_id", ["", "..", "a/b", "a?b", "a b", "a\r\nb", "é"])
def test_id_that_could_change_the_address_is_not_sent(
    server: FaultServer, client: AccountClient, finetune_id: str
) -> None:
    with pytest.raises(DiagnosticError):
        client.upload(finetune_id, CONFIG, File(b"{}"), ignore)
    assert server.requests == []


@pytest.mark.parametrize("account_id", ["", "..", "a/b", "a b", "a?b", "é", "x" * 65])
def test_account_id_that_could_change_the_address_is_refused(account_id: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        AccountClient(account_id, Credentials(token="secret-token"), "https://one.example")
    assert caught.value.diagnostics[0].code == "R504"
