"""Bugs in the client: what is sent again, what an answer means, where a token goes."""

from tests.explore.planted.bug import Bug, Edit

_CREATE = "tests/cloudflare/test_create.py::"
_UPLOAD = "tests/cloudflare/test_upload.py::"
_LISTING = "tests/cloudflare/test_listing.py::"
_TRANSPORT = "tests/cloudflare/test_transport.py::"
_ROWS = "tests/cli/test_http_rows.py::"
_LEAKS = "tests/cloudflare/test_leaks.py::"
_SENDING = "tests/adapters/test_sending.py::"
_UPLOADS = "tests/cli/test_uploads.py::"
_PROTOCOL = "tests/cli/test_protocol.py::"
_IN_DOUBT = f"{_PROTOCOL}test_rows_13_to_20_a_create_that_left_no_trace_stays_in_doubt"

BUGS = (
    Bug(
        "a create is sent again after a 502",
        (f"{_CREATE}test_row_16_page_of_the_edge_is_ambiguous_after_one_request", _IN_DOUBT),
        (
            Edit(
                "cloudflare/client.py",
                "            if not reading.is_throttled:\n",
                "            if not reading.is_throttled and not reading.is_trouble:\n",
            ),
        ),
    ),
    Bug(
        "a create is sent again after a timeout",
        (f"{_CREATE}test_rows_15_and_25_no_answer_in_time_is_ambiguous_after_one_request",),
        (
            Edit(
                "cloudflare/client.py",
                "gives_up = error.failure is not Failure.UNREACHABLE or",
                "gives_up = error.failure is not Failure.LATE or",
            ),
            Edit("cloudflare/client.py", "if error.sent or gives_up or", "if gives_up or"),
        ),
    ),
    Bug(
        "a connection that breaks is a definite no",
        (
            f"{_CREATE}test_rows_13_14_15_19_and_26_no_whole_answer_is_ambiguous_after_one_request",
            _IN_DOUBT,
        ),
        (
            Edit(
                "cloudflare/verdicts.py",
                "    return _unclear(codes.UNCLEAR_CREATE, what, error.reason, _LOOK)\n",
                "    return Refused(unsent(error, what), fatal=False, sent=True)\n",
            ),
        ),
    ),
    Bug(
        "a 500 closes the intent",
        (
            f"{_CREATE}test_rows_17_and_18_everything_unclear_is_ambiguous_after_one_request",
            f"{_PROTOCOL}test_rows_13_to_19_a_create_whose_answer_is_lost_is_adopted",
        ),
        (
            Edit(
                "cloudflare/verdicts.py",
                '    return _unclear(codes.UNCLEAR_CREATE, what, f"the answer was '
                '{reading.words}", _LOOK)\n',
                "    return Refused(reading.refusal(what, WRITE), fatal=False, sent=True)\n",
            ),
        ),
    ),
    Bug(
        "a 200 that says `success: false` is a definite no",
        (
            f"{_CREATE}test_rows_17_and_18_everything_unclear_is_ambiguous_after_one_request",
            _IN_DOUBT,
        ),
        (
            Edit(
                "cloudflare/envelope.py",
                "if not 400 <= self.answer.status < 500 or",
                "if not 200 <= self.answer.status < 500 or",
            ),
        ),
    ),
    Bug(
        "a success without a usable id is taken",
        (f"{_CREATE}test_row_20_success_without_a_usable_id_is_ambiguous", _IN_DOUBT),
        (
            Edit(
                "cloudflare/verdicts.py",
                'if not isinstance(result, dict) or not is_id(result.get("id")):',
                "if not isinstance(result, dict):",
            ),
            Edit("cloudflare/verdicts.py", 'id=str(result["id"]),', 'id=str(result.get("id")),'),
        ),
    ),
    Bug(
        "what was sent is noted after the first byte and not before",
        (f"{_CREATE}test_rows_13_14_15_19_and_26_no_whole_answer_is_ambiguous_after_one_request",),
        (
            Edit(
                "cloudflare/transport.py",
                "        if not self._connecting:\n            call.sent = True\n"
                "        super().send(data)\n",
                "        super().send(data)\n",
            ),
        ),
    ),
    Bug(
        "a connection is used again for the next request",
        (
            f"{_TRANSPORT}test_row_35_an_answer_that_comes_twice_is_not_the_next_ones",
            f"{_ROWS}test_row_35_an_answer_that_comes_twice_is_not_the_next_ones",
        ),
        (
            Edit("cloudflare/transport.py", "            conn.close()\n", "            pass\n"),
            Edit("cloudflare/transport.py", '            "Connection": "close",\n', ""),
        ),
    ),
    Bug(
        "an interim answer is taken for the answer",
        (f"{_TRANSPORT}test_an_interim_answer_is_not_the_answer",),
        (Edit("cloudflare/transport.py", "while status in _INTERIM:", "while False:"),),
    ),
    Bug(
        "a yes to half a file counts",
        (f"{_UPLOAD}test_row_34_a_yes_before_the_end_of_the_file_is_no_acknowledgement",),
        (Edit("cloudflare/verdicts.py", "if reading.is_success and not is_sent:", "if False:"),),
    ),
    Bug(
        "redirects are followed",
        (
            f"{_CREATE}test_row_24_redirect_is_not_followed",
            f"{_LEAKS}test_rows_24_and_66_redirect_sends_nothing_anywhere",
        ),
        (
            Edit(
                "cloudflare/transport.py",
                "        try:\n            body = _read(response, request.longest)\n",
                "        if response.is_redirect:\n"
                "            moved = self._prepare(request)\n"
                "            moved.url = response.headers['location']\n"
                "            response = self._adapter.send(moved, stream=True)\n"
                "        try:\n            body = _read(response, request.longest)\n",
            ),
        ),
    ),
    Bug(
        "netrc replaces the token, as with trust_env",
        (f"{_LEAKS}test_row_66_netrc_does_not_replace_the_token",),
        (
            Edit(
                "cloudflare/transport.py",
                "        if request.body is not None:\n",
                "        prepared.prepare_auth(requests.utils.get_netrc_auth(prepared.url))\n"
                "        if request.body is not None:\n",
            ),
        ),
    ),
    Bug(
        "a list that is null counts as an empty account",
        (f"{_LISTING}test_row_27_other_shapes_are_an_error_and_never_empty",),
        (
            Edit(
                "cloudflare/listing.py",
                "    if not isinstance(result, list):\n",
                "    if result is None:\n        return []\n    if not isinstance(result, list):\n",
            ),
        ),
    ),
    Bug(
        "a list that is not complete is used",
        (f"{_LISTING}test_row_30_count_that_stays_different_is_an_error",),
        (
            Edit(
                "cloudflare/listing.py",
                "if page.total is not None and page.total != len(found):",
                "if False:",
            ),
        ),
    ),
    Bug(
        "an id could lead a file elsewhere",
        (f"{_UPLOAD}test_id_that_could_change_the_address_is_not_sent",),
        (Edit("cloudflare/client.py", "if not is_id(finetune_id):", "if False:"),),
    ),
    Bug(
        "a file that changed while it was sent is sent all the same",
        (
            f"{_SENDING}test_a_file_that_changes_while_it_is_sent_is_never_sent_completely",
            f"{_UPLOADS}test_row_45_a_file_that_changes_while_the_create_is_under_way",
        ),
        (
            Edit(
                "adapters/files.py",
                "return same_size and self._hash.hexdigest() == self._asset.sha256",
                "return same_size",
            ),
        ),
    ),
)
