"""Connections: one a request, secured, tunnelled, and what is known when they fail."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.cloudflare import (
    AccountClient,
    Ambiguous,
    Created,
    Network,
    Refused,
    Timeouts,
)
from reconciler.model import Attributes
from tests.cloudflare.conftest import SUPPORT_BOT, TOKEN, ClientFactory
from tests.faults import reactions
from tests.faults.proxy import TunnelProxy
from tests.faults.server import Exchange, FaultServer, Reaction, answer_truly


class Nothing:
    """An empty file."""

    size = 0

    def read(self, size: int, /) -> bytes:
        return b""


def test_threads_have_a_connection_each_and_get_their_own_answers(
    server: FaultServer, client: AccountClient
) -> None:
    barrier = threading.Barrier(4)

    def answer_together(exchange: Exchange) -> bool:
        barrier.wait(30)
        return answer_truly(exchange)

    server.script("create", *[answer_together] * 4)
    names = ["a", "b", "c", "d"]
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda name: client.create(Attributes(name, "m")), names))
    assert [o.remote.name for o in outcomes if isinstance(o, Created)] == names
    assert server.connections == 4


def test_many_at_once_get_their_own_answers(server: FaultServer, client: AccountClient) -> None:
    names = [f"bot-{n}" for n in range(200)]
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda name: client.create(Attributes(name, "m")), names))
    assert [o.remote.name for o in outcomes if isinstance(o, Created)] == names
    assert len({o.remote.id for o in outcomes if isinstance(o, Created)}) == 200


def test_row_35_no_connection_is_used_twice(server: FaultServer, client: AccountClient) -> None:
    server.script("create", reactions.answer_then_reset_next)
    assert isinstance(client.create(Attributes("a", "m")), Created)
    assert isinstance(client.create(Attributes("b", "m")), Created)
    client.list_finetunes()
    assert [request.connection for request in server.requests] == [1, 2, 3]


def test_row_35_a_connection_that_the_server_keeps_is_closed(
    server: FaultServer, client: AccountClient
) -> None:
    gone = threading.Event()

    def answer_and_wait(exchange: Exchange) -> bool:
        exchange.sock.sendall(exchange.execute())
        exchange.sock.settimeout(30)
        if exchange.sock.recv(1) == b"":
            gone.set()
        return False

    server.script("create", answer_and_wait)
    assert isinstance(client.create(Attributes("a", "m")), Created)
    assert gone.wait(30)


@pytest.mark.parametrize("status", [100, 102, 103, 199])
@pytest.mark.parametrize("times", [1, 5])
def test_an_interim_answer_is_not_the_answer(
    server: FaultServer, client: AccountClient, status: int, times: int
) -> None:
    interim = f"HTTP/1.1 {status} Early Hints\r\nLink: </x>; rel=preload\r\n\r\n".encode()

    def answer_at_last(exchange: Exchange) -> bool:
        exchange.sock.sendall(interim * times)
        exchange.sock.sendall(exchange.execute())
        return True

    server.script("create", answer_at_last)
    server.script("list", answer_at_last)
    outcome = client.create(Attributes("a", "m"))
    assert isinstance(outcome, Created)
    assert [remote.name for remote in client.list_finetunes().finetunes] == ["a"]


def test_interim_answers_without_end_are_given_up(
    server: FaultServer, hasty: AccountClient
) -> None:
    def never(exchange: Exchange) -> bool:
        exchange.execute()
        with suppress(OSError):
            while True:
                exchange.sock.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                time.sleep(0.01)
        return False

    server.script("create", never)
    assert isinstance(hasty.create(Attributes("a", "m")), Ambiguous)
    assert server.count("create") == 1


@pytest.mark.parametrize(
    "fault", [reactions.drip_body, reactions.hang, reactions.gzip_bomb, reactions.lying_length(9)]
)
def test_connection_of_a_broken_answer_is_not_used_again(
    server: FaultServer, hasty: AccountClient, fault: Reaction
) -> None:
    server.script("create", fault)
    assert isinstance(hasty.create(Attributes("a", "m")), Ambiguous)
    assert isinstance(hasty.create(Attributes("b", "m")), Created)
    assert server.connections == 2


def test_row_35_an_answer_that_comes_twice_is_not_the_next_ones(
    server: FaultServer, client: AccountClient
) -> None:
    """The second copy comes once the next request has begun, where one connection serves both."""
    server.script("create", reactions.answer_twice(reactions.refusal))
    assert isinstance(client.create(Attributes("a", "m")), Refused)
    outcome = client.create(Attributes("b", "m"))
    assert isinstance(outcome, Created)
    assert outcome.remote.name == "b"


def test_trusted_certificate_is_accepted(
    tls_server: FaultServer, make_client: ClientFactory, certificate: Path
) -> None:
    client = make_client(tls_server.base_url, network=Network(ca_bundle=str(certificate)))
    assert isinstance(client.create(SUPPORT_BOT), Created)
    assert [remote.name for remote in client.list_finetunes().finetunes] == [SUPPORT_BOT.name]


def test_row_12_untrusted_certificate_is_refused_at_once_and_sees_nothing(
    tls_server: FaultServer, make_client: ClientFactory
) -> None:
    outcome = make_client(tls_server.base_url).create(SUPPORT_BOT)
    assert isinstance(outcome, Refused)
    assert (outcome.fatal, outcome.sent) == (True, False)
    assert outcome.diagnostic.code == "R507"
    assert "self-signed certificate" in outcome.diagnostic.detail
    assert tls_server.requests == []
    assert tls_server.connections == 1


def test_row_12_certificate_of_another_host_is_refused(
    tls_server: FaultServer, make_client: ClientFactory, certificate: Path
) -> None:
    base_url = tls_server.base_url.replace("127.0.0.1", "localhost")
    network = Network(ca_bundle=str(certificate))
    outcome = make_client(base_url, network=network).create(SUPPORT_BOT)
    assert isinstance(outcome, Refused)
    assert outcome.diagnostic.code == "R507"


def test_row_12_https_to_a_server_of_plain_http_is_a_definite_no(
    server: FaultServer, make_client: ClientFactory
) -> None:
    base_url = server.base_url.replace("http:", "https:")
    client = make_client(base_url, timeouts=Timeouts(connect=0.1, total=0.5))
    outcome = client.create(SUPPORT_BOT)
    assert isinstance(outcome, Refused)
    assert not outcome.sent


@pytest.mark.parametrize("fault", [reactions.reset, reactions.drip_head, reactions.drip_body])
def test_faults_are_the_same_over_tls(
    tls_server: FaultServer,
    make_client: ClientFactory,
    certificate: Path,
    fault: Reaction,
) -> None:
    tls_server.script("create", fault)
    timeouts = Timeouts(connect=5, total=0.5, stall=0.5, answer=0.5)
    network = Network(ca_bundle=str(certificate))
    client = make_client(tls_server.base_url, network=network, timeouts=timeouts)
    assert isinstance(client.create(SUPPORT_BOT), Ambiguous)
    assert tls_server.count("create") == 1


def test_proxy_is_asked_for_a_tunnel_and_never_sees_the_token(
    tls_server: FaultServer, make_client: ClientFactory, certificate: Path
) -> None:
    with TunnelProxy() as proxy:
        network = Network(proxy=proxy.url, ca_bundle=str(certificate))
        client = make_client(tls_server.base_url, network=network)
        assert isinstance(client.create(SUPPORT_BOT), Created)
        client.close()
        (head,) = proxy.heads
        assert head.startswith(f"CONNECT 127.0.0.1:{tls_server.port} HTTP/1.")
        assert "Proxy-Authorization: Basic" in head
        assert TOKEN not in head
        assert TOKEN.encode() not in proxy.seen
    assert tls_server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert "proxy-authorization" not in tls_server.requests[0].headers


def test_answer_of_the_proxy_does_not_start_the_time_for_the_answer_of_the_api(
    tls_server: FaultServer, make_client: ClientFactory, certificate: Path
) -> None:
    with TunnelProxy() as proxy:
        network = Network(proxy=proxy.url, ca_bundle=str(certificate))
        client = make_client(tls_server.base_url, network=network, timeouts=Timeouts(answer=0))
        outcome = client.upload("some-id", "adapter_config.json", Nothing(), lambda _: None)
        # It was sent, and only then was it late.
        assert isinstance(outcome, Ambiguous)
        client.close()


def test_row_35_no_connection_through_a_proxy_is_used_twice(
    tls_server: FaultServer, make_client: ClientFactory, certificate: Path
) -> None:
    with TunnelProxy() as proxy:
        network = Network(proxy=proxy.url, ca_bundle=str(certificate))
        with make_client(tls_server.base_url, network=network) as client:
            assert isinstance(client.create(Attributes("a", "m")), Created)
            assert isinstance(client.create(Attributes("b", "m")), Created)
        assert len(proxy.heads) == 2


def test_proxy_that_refuses_is_a_definite_no(
    tls_server: FaultServer, make_client: ClientFactory, certificate: Path
) -> None:
    with TunnelProxy(refuse=True) as proxy:
        network = Network(proxy=proxy.url, ca_bundle=str(certificate))
        outcome = make_client(tls_server.base_url, network=network).create(SUPPORT_BOT)
    assert isinstance(outcome, Refused)
    assert not outcome.sent
    assert "407" in outcome.diagnostic.detail
    assert "hunter2" not in repr(outcome)
    assert tls_server.requests == []


def test_proxy_that_cannot_be_trusted_with_the_certificate_sees_nothing(
    tls_server: FaultServer, make_client: ClientFactory
) -> None:
    with TunnelProxy() as proxy:
        outcome = make_client(tls_server.base_url, network=Network(proxy=proxy.url)).create(
            SUPPORT_BOT
        )
    assert isinstance(outcome, Refused)
    assert outcome.diagnostic.code == "R507"
    assert tls_server.requests == []
