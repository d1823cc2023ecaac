"""Listing and creating finetunes, over HTTP."""

from __future__ import annotations

import json
import re
import uuid

import pytest

from tests.sandbox.conftest import LORA_MODEL, Client, Serve, errors

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_a_new_account_lists_nothing(client: Client) -> None:
    response = client.get_list()
    assert response.status_code == 200
    assert response.json() == {
        "result": [],
        "success": True,
        "errors": [],
        "messages": [],
        "result_info": {"page": 1, "per_page": 0, "count": 0, "total_count": 0},
    }


def test_create_answers_what_was_recorded(client: Client) -> None:
    response = client.create("support-bot", description="Answers tickets.", public=True)
    assert response.status_code == 200
    result = response.json()["result"]
    assert str(uuid.UUID(result["id"])) == result["id"]
    assert RFC3339.fullmatch(result["created_at"])
    assert RFC3339.fullmatch(result["modified_at"])
    assert {key: result[key] for key in ("name", "model", "description", "public")} == {
        "name": "support-bot",
        "model": LORA_MODEL,
        "description": "Answers tickets.",
        "public": True,
    }


def test_list_shows_a_finetune_without_public(client: Client) -> None:
    created = client.create("support-bot", description="x").json()["result"]
    assert client.get_list().json()["result"] == [
        {key: value for key, value in created.items() if key != "public"}
    ]


def test_public_is_false_and_description_absent_unless_sent(client: Client) -> None:
    result = client.create("bot").json()["result"]
    assert result["public"] is False
    assert "description" not in result


def test_an_empty_description_stays_empty(client: Client) -> None:
    assert client.create("bot", description="").json()["result"]["description"] == ""


def test_the_list_is_in_the_order_of_creation(client: Client) -> None:
    for name in ("c", "a", "b"):
        client.create(name)
    assert client.names() == ["c", "a", "b"]


def test_names_are_not_unique_by_default(client: Client) -> None:
    ids = {client.create("bot").json()["result"]["id"] for _ in range(2)}
    assert len(ids) == 2
    assert client.names() == ["bot", "bot"]


def test_unique_names_refuse_a_second_of_the_name(serve: Serve) -> None:
    client = serve(unique_names=True)
    client.create("bot")
    response = client.create("bot")
    assert response.status_code == 409
    assert errors(response) == [(None, "a finetune named bot already exists")]
    assert client.names() == ["bot"]


def test_the_quota_is_a_limit_on_the_account(serve: Serve) -> None:
    client = serve(quota=2)
    statuses = [client.create(name).status_code for name in ("a", "b", "c")]
    assert statuses == [200, 200, 400]
    assert client.names() == ["a", "b"]


def test_removing_a_finetune_makes_room_in_the_quota(serve: Serve) -> None:
    client = serve(quota=1)
    client.sandbox.account.remove(client.create("a").json()["result"]["id"])
    assert client.create("b").status_code == 200


def test_a_reserved_name_is_refused(client: Client) -> None:
    response = client.create("cf-public-mine")
    assert response.status_code == 400
    assert errors(response) == [(5004, "names beginning with cf-public- are reserved")]


def test_an_unknown_model_is_refused(client: Client) -> None:
    response = client.create("bot", model="@cf/nobody/nothing")
    assert response.status_code == 400
    assert errors(response) == [(5007, "No such model @cf/nobody/nothing or task")]


def test_a_model_without_lora_is_refused(client: Client) -> None:
    response = client.create("bot", model="@cf/openai/gpt-oss-20b")
    assert response.status_code == 405
    assert [code for code, _ in errors(response)] == [5005]


def test_extra_models_are_accepted(serve: Serve) -> None:
    client = serve(extra_models=("@cf/new/model",))
    assert client.create("bot", model="@cf/new/model").status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "the body must be a JSON object"),
        (b'"x"', "the body must be a JSON object"),
        (b"{", "the body is not valid JSON"),
        (b"\xff\xfe", "the body is not valid JSON"),
        (b'{"name": NaN}', "the body is not valid JSON"),
        (b'{"name": "\\ud800", "model": "m"}', "the body is not valid JSON"),
        (b'{"name": ' + b"9" * 5000 + b"}", "the body is not valid JSON"),
        (b"[" * 100_000, "the body is not valid JSON"),
        (b"{}", "name is required"),
        (b'{"name": null, "model": "m"}', "name is required"),
        (b'{"name": 5, "model": "m"}', "name must be a string"),
        (b'{"name": " ", "model": "m"}', "name must not be empty"),
        (b'{"name": "n"}', "model is required"),
        (b'{"name": "n", "model": ["m"]}', "model must be a string"),
        (b'{"name": "n", "model": ""}', "model must not be empty"),
        (b'{"name": "n", "model": "m", "public": "yes"}', "public must be a boolean"),
        (b'{"name": "n", "model": "m", "description": 1}', "description must be a string"),
    ],
)
def test_invalid_data_is_refused_and_creates_nothing(
    client: Client, body: bytes, message: str
) -> None:
    response = client.send("POST", client.finetunes_path, data=body)
    assert response.status_code == 400
    assert errors(response) == [(5004, message)]
    assert client.names() == []


def test_a_huge_json_body_is_too_large(client: Client) -> None:
    response = client.create("bot", description="x" * 2_000_000)
    assert response.status_code == 413
    assert errors(response) == [(3006, "Request is too large")]


def test_unusual_characters_in_names_survive(client: Client) -> None:
    name = "bot \u202e\x00\x1b[31m <b>é🤖/%2F"
    client.create(name)
    assert client.names() == [name]
    assert client.sandbox.account.finetunes()[0].name == name


def test_pages_are_cut_as_asked(client: Client) -> None:
    for name in "abcde":
        client.create(name)
    body = client.get_list(page="2", per_page="2").json()
    assert [finetune["name"] for finetune in body["result"]] == ["c", "d"]
    assert body["result_info"] == {"page": 2, "per_page": 2, "count": 2, "total_count": 5}


def test_page_size_cuts_a_list_that_asks_for_nothing(serve: Serve) -> None:
    client = serve(page_size=2)
    for name in "abc":
        client.create(name)
    info = client.get_list().json()["result_info"]
    assert info == {"page": 1, "per_page": 2, "count": 2, "total_count": 3}


@pytest.mark.parametrize("value", ["-1", "x", "1.5", "٣", "9" * 30, "inf", ""])
def test_a_page_that_is_no_number_is_invalid(client: Client, value: str) -> None:
    response = client.get_list(page=value)
    assert response.status_code == 400
    assert errors(response) == [(5004, "page must be a whole number from 0")]


def test_list_lag_hides_a_finetune_from_the_next_lists(serve: Serve) -> None:
    client = serve(list_lag=2)
    client.create("bot")
    assert [client.names() for _ in range(4)] == [[], [], ["bot"], ["bot"]]


def test_the_total_counts_what_the_list_shows(serve: Serve) -> None:
    client = serve(list_lag=1)
    client.create("bot")
    totals = [client.get_list().json()["result_info"]["total_count"] for _ in range(2)]
    assert totals == [0, 1]


def test_public_finetunes_are_cloudflares_and_the_accounts_own(client: Client) -> None:
    client.create("mine", public=True)
    client.create("secret")
    result = client.send("GET", client.finetunes_path + "/public").json()["result"]
    assert [finetune["name"] for finetune in result] == [
        "cf-public-magicoder",
        "cf-public-jigsaw-classification",
        "cf-public-cnn-summarization",
        "mine",
    ]
    assert all(finetune["public"] is True for finetune in result)


def test_public_finetunes_can_be_sorted_and_cut(client: Client) -> None:
    query = {"orderBy": "name", "offset": "1", "limit": "1.0"}
    result = client.send("GET", client.finetunes_path + "/public", params=query).json()["result"]
    assert [finetune["name"] for finetune in result] == ["cf-public-jigsaw-classification"]


def test_public_finetunes_sorted_by_an_unknown_column_are_invalid(client: Client) -> None:
    query = {"orderBy": "id; DROP TABLE finetunes"}
    response = client.send("GET", client.finetunes_path + "/public", params=query)
    assert response.status_code == 400
    assert [code for code, _ in errors(response)] == [5004]


def test_an_edit_behind_the_apis_back_shows_in_the_list(client: Client) -> None:
    finetune_id = client.create("bot").json()["result"]["id"]
    client.sandbox.account.edit(finetune_id, model="@cf/qwen/qwq-32b", description="drifted")
    (listed,) = client.get_list().json()["result"]
    assert (listed["id"], listed["model"], listed["description"]) == (
        finetune_id,
        "@cf/qwen/qwq-32b",
        "drifted",
    )


def test_a_thousand_finetunes_fit_in_one_list(client: Client) -> None:
    for number in range(1000):
        client.sandbox.account.create(f"bot-{number}", LORA_MODEL)
    response = client.get_list()
    assert len(json.loads(response.content)["result"]) == 1000
