from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cloudflare import AccountClient
from reconciler.cloudflare.listing import (
    IncompleteListingError,
    Page,
    UnreadableListingError,
    read_page,
    read_pages,
)
from reconciler.diagnostics import DiagnosticError
from reconciler.model import RemoteFinetune
from tests.cloudflare.conftest import TOKEN, ClientFactory, FakeTime
from tests.faults import reactions
from tests.faults.reactions import answer_with, api_error, html, result
from tests.faults.server import ACCOUNT_ID, FaultServer, Reaction, envelope, unused_port


def item(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"id-{number}", "name": f"bot-{number}", "model": "@cf/a/b", **more}


def failure_of(client: AccountClient) -> DiagnosticError:
    with pytest.raises(DiagnosticError) as caught:
        client.list_finetunes()
    return caught.value


def ids_of(client: AccountClient) -> list[str]:
    return [remote.id for remote in client.list_finetunes().finetunes]


def test_request_is_the_documented_one(server: FaultServer, client: AccountClient) -> None:
    client.list_finetunes()
    (request,) = server.requests
    assert request.target == f"/client/v4/accounts/{ACCOUNT_ID}/ai/finetunes"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["accept-encoding"] == "identity"


def test_every_field_is_read(server: FaultServer, client: AccountClient) -> None:
    full = item(1, description="x", created_at="2026-01-01T00:00:00Z", modified_at="later")
    server.script("list", result([full]))
    (remote,) = client.list_finetunes().finetunes
    assert (remote.id, remote.name, remote.model) == ("id-1", "bot-1", "@cf/a/b")
    assert (remote.description, remote.public) == ("x", None)
    assert (remote.created_at, remote.modified_at) == ("2026-01-01T00:00:00Z", "later")


@pytest.mark.parametrize(
    ("shape", "ids"),
    [
        ([], []),
        ([[]], []),
        ([item(1), item(2)], ["id-1", "id-2"]),
        ([[item(1), item(2)]], ["id-1", "id-2"]),
        ([[item(1)], [item(2)]], ["id-1", "id-2"]),
        (item(1), ["id-1"]),
    ],
)
def test_row_27_known_shapes_are_read(
    server: FaultServer, client: AccountClient, shape: Any, ids: list[str]
) -> None:
    server.script("list", result(shape))
    assert ids_of(client) == ids


@pytest.mark.parametrize(
    "shape",
    [
        None,
        {},
        "",
        "[]",
        0,
        True,
        [None],
        [1],
        ["id"],
        [[[item(1)]]],
        [item(1), [item(2)]],
        [{"name": "a", "model": "m"}],
        [item(1, id=None)],
        [item(1, id=7)],
        [item(1, id="")],
        [item(1, id="..")],
        [item(1, id="a/b")],
        [item(1, id="a\nb")],
        [item(1, name=None)],
        [item(1, model=["m"])],
        [item(1, description=7)],
    ],
)
def test_row_27_other_shapes_are_an_error_and_never_empty(
    server: FaultServer, client: AccountClient, shape: Any
) -> None:
    server.script("list", result(shape))
    assert failure_of(client).diagnostics[0].code == "R514"
    assert server.count("list") == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"result": []}',
        b'{"success": true}',
        b'{"success": "true", "result": []}',
        b'{"success": false, "result": []}',
        b'{"success": true, "result": [',
        b"[" * 100_000,
        b'{"success": true, "result": ' + b"9" * 5000 + b"}",
        b"\xff\xfe\xff",
        reactions.HTML,
    ],
)
def test_rows_18_and_27_other_bodies_are_an_error_and_never_empty(
    server: FaultServer, client: AccountClient, body: bytes
) -> None:
    server.script("list", answer_with(200, body))
    assert failure_of(client).diagnostics[0].code == "R514"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["id", "name", "x"]), inner)
        ),
    )
)
def test_whatever_is_read_is_complete_or_refused(value: Any) -> None:
    try:
        page = read_page(value, None)
    except UnreadableListingError:
        return
    assert all(remote.id for remote in page.finetunes)
    assert page.finetunes or (isinstance(value, list) and not any(value))


def test_row_29_unknown_fields_are_tolerated(server: FaultServer, client: AccountClient) -> None:
    server.script("list", result([item(1, tasks=[{"x": None}])], surprise={"a": 1}))
    assert ids_of(client) == ["id-1"]


def test_missing_or_null_description_is_empty(server: FaultServer, client: AccountClient) -> None:
    server.script("list", result([item(1), item(2, description=None)]))
    assert [r.description for r in client.list_finetunes().finetunes] == ["", ""]


def test_lone_surrogates_become_text_that_can_be_written(
    server: FaultServer, client: AccountClient
) -> None:
    server.script("list", answer_with(200, envelope([item(1, description="a\ud800b")])))
    assert client.list_finetunes().finetunes[0].description.encode() == b"a?b"


def test_row_28_two_finetunes_of_one_name_are_both_listed(
    server: FaultServer, client: AccountClient
) -> None:
    server.script("list", result([item(1, name="twin"), item(2, name="twin")]))
    assert len(client.list_finetunes().named("twin")) == 2


def test_the_same_finetune_twice_counts_once(server: FaultServer, client: AccountClient) -> None:
    server.script("list", result([item(1), item(1)]))
    assert ids_of(client) == ["id-1"]


def test_one_id_with_two_contents_is_an_error(server: FaultServer, client: AccountClient) -> None:
    contradiction = result([item(1), item(1, name="other")])
    server.script("list", *[contradiction] * 4)
    error = failure_of(client)
    assert error.diagnostics[0].code == "R515"
    assert "id-1" in error.diagnostics[0].detail


def test_pages_are_followed_until_the_count_is_reached(
    server: FaultServer, client: AccountClient
) -> None:
    info = {"page": 1, "per_page": 2, "total_count": 3}
    server.script(
        "list",
        result([item(1), item(2)], result_info=info),
        result([item(3)], result_info={**info, "page": 2}),
    )
    assert ids_of(client) == ["id-1", "id-2", "id-3"]
    assert server.requests[1].target.endswith("?page=2&per_page=2")


def test_full_page_without_a_total_is_followed(server: FaultServer, client: AccountClient) -> None:
    info = {"per_page": 2}
    server.script(
        "list",
        result([item(1), item(2)], result_info=info),
        result([item(3)], result_info=info),
    )
    assert ids_of(client) == ["id-1", "id-2", "id-3"]


def test_server_that_ignores_pages_is_read_once(server: FaultServer, client: AccountClient) -> None:
    same = result([item(1), item(2)], result_info={"per_page": 2})
    server.script("list", same, same)
    assert ids_of(client) == ["id-1", "id-2"]


def test_row_30_pages_that_are_counted_and_cannot_be_had_are_an_error(
    server: FaultServer, client: AccountClient
) -> None:
    info = {"page": 1, "per_page": 2, "count": 2, "total_pages": 2}
    server.script("list", *[result([item(1), item(2)], result_info=info)] * 20)
    error = failure_of(client)
    assert error.diagnostics[0].code == "R515"
    assert "counts 2 pages" in error.diagnostics[0].detail


def test_pages_are_followed_until_as_many_as_there_are(
    server: FaultServer, client: AccountClient
) -> None:
    info = {"per_page": 2, "total_pages": 2}
    server.script(
        "list",
        result([item(1), item(2)], result_info=info),
        result([item(3), item(4)], result_info={**info, "page": 2}),
    )
    assert len(ids_of(client)) == 4
    assert len(server.requests) == 2


def test_row_30_a_cursor_is_an_error(server: FaultServer, client: AccountClient) -> None:
    more = result([item(1)], result_info={"count": 1, "cursor": "abc"})
    server.script("list", *[more] * 20)
    assert failure_of(client).diagnostics[0].code == "R515"


def test_list_without_an_end_is_an_error() -> None:
    numbers = iter(range(10**6))
    with pytest.raises(IncompleteListingError, match="still more"):
        read_pages(lambda query: Page((RemoteFinetune(str(next(numbers)), "a", "m"),), None, 1))


@pytest.mark.parametrize("total", [0, 1, 3, 100])
def test_row_30_count_that_stays_different_is_an_error(
    server: FaultServer, client: AccountClient, total: int
) -> None:
    wrong = result([item(1), item(2)], result_info={"total_count": total})
    server.script("list", *[wrong] * 20)
    error = failure_of(client)
    assert error.diagnostics[0].code == "R515"
    assert f"counts {total}" in error.diagnostics[0].detail


def test_row_30_count_that_differs_for_a_moment_is_asked_again(
    server: FaultServer, client: AccountClient
) -> None:
    server.script(
        "list",
        result([item(1)], result_info={"total_count": 2}),
        result([], result_info={"total_count": 2}),
        result([item(1), item(2)], result_info={"total_count": 2}),
    )
    assert ids_of(client) == ["id-1", "id-2"]


@pytest.mark.parametrize("info", [[], "x", {"total_count": "2"}, {"total_count": -1}])
def test_malformed_count_is_an_error(
    server: FaultServer, client: AccountClient, info: object
) -> None:
    server.script("list", result([item(1)], result_info=info))
    assert failure_of(client).diagnostics[0].code == "R514"


@pytest.mark.parametrize(
    "fault",
    [
        reactions.reset,
        reactions.close,
        reactions.reset_unread,
        reactions.truncated,
        reactions.lying_length(5),
        reactions.no_http,
        html(502),
        html(503),
        html(520),
        html(530),
        api_error(500, 1000),
        api_error(408, 3007),
        api_error(429, None),
    ],
)
def test_rows_13_14_16_17_19_and_21_passing_trouble_is_asked_again(
    server: FaultServer, client: AccountClient, fault: Reaction
) -> None:
    server.account.create({"name": "a", "model": "m"})
    server.script("list", fault, fault)
    assert len(ids_of(client)) == 1
    assert server.count("list") == 3


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (reactions.reset, "R513"),
        (html(502), "R514"),
        (api_error(500, 1000), "R514"),
        (api_error(429, None), "R511"),
    ],
)
def test_rows_13_16_17_and_21_lasting_trouble_is_an_error_after_a_few_attempts(
    server: FaultServer, client: AccountClient, fault: Reaction, code: str
) -> None:
    server.script("list", *[fault] * 50)
    assert failure_of(client).diagnostics[0].code == code
    assert 4 <= server.count("list") <= 5


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (api_error(400, 5004, "invalid"), "R512", "code 5004"),
        (api_error(401, 10000, "Authentication error"), "R509", "Authentication error"),
        (api_error(403, None, "forbidden"), "R509", "HTTP 403"),
        (api_error(403, 3023, "blocked"), "R509", "code 3023"),
        (api_error(404, 7003, "no route"), "R510", "code 7003"),
        (api_error(429, 3036, "used up"), "R511", "code 3036"),
        (html(403), "R514", "HTTP 403"),
        (reactions.redirect(302, "https://evil.example/"), "R514", "redirect"),
    ],
)
def test_rows_22_and_24_refusal_is_an_error_at_once(
    server: FaultServer, client: AccountClient, fault: Reaction, code: str, words: str
) -> None:
    server.script("list", fault)
    (diagnostic,) = failure_of(client).diagnostics
    assert diagnostic.code == code
    assert words in diagnostic.detail
    assert diagnostic.hint
    assert server.count("list") == 1


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [("5", 5.0), ("-5", 1.0), ("1.5", 1.5), ("abc", 1.0), ("999999999", 300.0)],
)
def test_row_21_429_waits_within_bounds_and_asks_again(
    server: FaultServer, client: AccountClient, time: FakeTime, retry_after: str, waits: float
) -> None:
    server.script("list", api_error(429, None, "slow down", retry_after=retry_after))
    assert ids_of(client) == []
    assert time.slept == [waits]
    assert server.count("list") == 2


def test_hint_names_the_permission_that_reading_needs(
    server: FaultServer, client: AccountClient
) -> None:
    server.script("list", api_error(403, 10000))
    assert "Workers AI Read" in failure_of(client).diagnostics[0].hint


@pytest.mark.parametrize(
    "fault",
    [reactions.hang, reactions.drip_body, reactions.drip_head, reactions.continue_for_ever],
)
def test_rows_15_and_25_answer_that_never_ends_is_given_up_at_the_deadline(
    server: FaultServer, hasty: AccountClient, fault: Reaction
) -> None:
    server.script("list", fault)
    assert failure_of(hasty).diagnostics[0].code == "R513"
    assert server.count("list") == 1


@pytest.mark.parametrize("fault", [reactions.gzip_bomb, reactions.endless_body])
def test_row_26_answer_without_bounds_is_not_read_on(
    server: FaultServer, client: AccountClient, fault: Reaction
) -> None:
    server.script("list", fault)
    assert failure_of(client).diagnostics[0].code == "R514"


def test_row_12_unreachable_api_is_an_error_after_a_few_attempts(
    make_client: ClientFactory, time: FakeTime
) -> None:
    client = make_client(f"http://127.0.0.1:{unused_port()}")
    (diagnostic,) = failure_of(client).diagnostics
    assert diagnostic.code == "R506"
    assert "refused" in diagnostic.detail
    assert time.slept == [1.0, 2.0, 4.0]
