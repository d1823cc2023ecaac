"""Bugs in the walk through a plan: intents, answers, uploads, the end of a run."""

from tests.explore.planted.bug import Bug, Edit

_CREATES = "tests/apply/test_creates.py::"
_UPLOADS = "tests/apply/test_uploads.py::"
_ENDS = "tests/apply/test_ends.py::"
_SAVING = "tests/apply/test_saving.py::"
_PROTOCOL = "tests/cli/test_protocol.py::"
_STRANGE = "tests/cli/test_strange_accounts.py::"
_HISTORIES = "tests/explore/test_histories.py::test_no_history_breaks_a_promise"

_SUBMIT = """\
        self._ledger.intend({change.address: self._intent(change) for change in changes})
        for change in changes:
            self._crew.submit(partial(self._create, change))
        yield from self._drain()
"""

_ENDING = (
    "tests/explore/test_crash_rows.py::test_rows_9_and_10_asked_to_stop_once_the_exit_code_is_told"
)

BUGS = (
    Bug(
        "a signal at the very end changes the exit code",
        (_ENDING,),
        (
            Edit(
                "__main__.py",
                "    from reconciler.cli.main import run_to_the_end\n\n"
                "    run_to_the_end(sys.argv[1:])\n",
                "    from reconciler.cli.main import run\n\n    sys.exit(run(sys.argv[1:]))\n",
            ),
        ),
    ),
    Bug(
        "the name that the account gave is recorded instead of the one that was sent",
        (
            f"{_STRANGE}test_a_name_that_the_account_records_otherwise_is_not_created_again",
            _HISTORIES,
        ),
        (
            Edit(
                "apply/ledger.py",
                "replace(attributes_of(remote), name=intent.attributes.name)",
                "attributes_of(remote)",
            ),
        ),
    ),
    Bug(
        "what the account lists can be created again by a word",
        (
            "tests/apply/test_resolution.py::test_what_the_account_lists_cannot_be_retried",
            f"{_STRANGE}test_a_create_that_is_listed_cannot_be_sent_again",
        ),
        (
            Edit(
                "apply/resolution.py",
                "        if is_evidence(intent, candidates):\n",
                "        if False and is_evidence(intent, candidates):\n",
            ),
        ),
    ),
    Bug(
        "files are sent to what came out otherwise",
        (
            f"{_STRANGE}test_the_files_of_what_came_out_otherwise_wait",
            f"{_STRANGE}test_answers_that_were_exchanged_send_no_file_to_another",
        ),
        (Edit("apply/run.py", "self._strange.add(address)", "pass"),),
    ),
    Bug(
        "no intent is saved",
        (
            f"{_CREATES}test_row_1_every_intent_is_durable_before_its_request",
            f"{_PROTOCOL}test_the_intent_is_durable_before_each_create",
            "tests/explore/test_crash_rows.py::test_row_4_killed_before_the_answer_is_read",
            _HISTORIES,
        ),
        (
            Edit(
                "apply/ledger.py",
                "        self.pending.update(intents)\n        try:\n            self.save()\n",
                "        self.pending.update(intents)\n        try:\n            pass\n",
            ),
        ),
    ),
    Bug(
        "the intents are saved after the POST",
        (f"{_CREATES}test_row_1_every_intent_is_durable_before_its_request", _HISTORIES),
        (
            Edit(
                "apply/run.py",
                _SUBMIT,
                """\
        self._ledger.pending.update({c.address: self._intent(c) for c in changes})
        for change in changes:
            self._crew.submit(partial(self._create, change))
        yield from self._drain()
        self._ledger.save()
""",
            ),
        ),
    ),
    Bug(
        "more is sent than the intents that were saved",
        (f"{_CREATES}test_row_1_every_intent_is_durable_before_its_request", _HISTORIES),
        (
            Edit(
                "apply/run.py",
                _SUBMIT,
                """\
        self._ledger.intend({c.address: self._intent(c) for c in changes[:1]})
        self._ledger.pending.update({c.address: self._intent(c) for c in changes[1:]})
        for change in changes:
            self._crew.submit(partial(self._create, change))
        yield from self._drain()
""",
            ),
        ),
    ),
    Bug(
        "a checkpoint before the answer closes the intents",
        (f"{_PROTOCOL}test_the_intent_is_durable_before_each_create", _HISTORIES),
        (
            Edit(
                "apply/ledger.py",
                "        self.pending.update(intents)\n        try:\n            self.save()\n",
                "        self.pending.update(intents)\n        try:\n            self.save()\n"
                "            kept, self.pending = self.pending, {}\n            self.save()\n"
                "            self.pending = kept\n",
            ),
        ),
    ),
    Bug(
        "what failed to be saved is sent all the same",
        (f"{_SAVING}test_row_36_nothing_is_sent_where_the_intents_are_not_durable", _HISTORIES),
        (
            Edit(
                "apply/ledger.py",
                "            for address in intents:\n"
                "                self.withdraw(address)\n            raise\n",
                "            pass\n",
            ),
        ),
    ),
    Bug(
        "a create is sent again where its answer was lost",
        (f"{_CREATES}test_rows_4_and_13_a_lost_answer_is_looked_for_and_adopted", _HISTORIES),
        (
            Edit(
                "apply/tasks.py",
                "        outcome = account.create(change.after)\n",
                "        outcome = account.create(change.after)\n"
                "        if isinstance(outcome, Ambiguous):\n"
                "            outcome = account.create(change.after)\n",
            ),
        ),
    ),
    Bug(
        "any lost answer counts as failed, and closes the intent",
        (
            f"{_CREATES}test_row_13_what_leaves_no_trace_stays_in_doubt_and_stops_the_rest",
            f"{_PROTOCOL}test_rows_13_to_20_a_create_that_left_no_trace_stays_in_doubt",
            _HISTORIES,
        ),
        (
            Edit(
                "apply/run.py",
                "elif isinstance(outcome, Refused) or outcome.exists:",
                "elif True:",
            ),
        ),
    ),
    Bug(
        "an exception of the client counts as a definite no",
        (f"{_CREATES}test_rows_4_and_13_a_lost_answer_is_looked_for_and_adopted",),
        (
            Edit(
                "apply/tasks.py",
                "        outcome = Ambiguous(codes.OUTCOME_UNKNOWN.error(detail, "
                "address=str(change.address)))",
                "        outcome = Refused(codes.OUTCOME_UNKNOWN.error(detail), False, True)",
            ),
        ),
    ),
    Bug(
        "an answer with the id of something else is believed",
        (f"{_CREATES}test_an_answer_with_the_id_of_something_else_is_not_believed",),
        (
            Edit(
                "apply/run.py",
                "elif isinstance(outcome, Created) and outcome.remote.id in self._old_ids:",
                "elif False:",
            ),
        ),
    ),
    Bug(
        "it goes on creating while one is in doubt",
        (f"{_CREATES}test_row_13_what_leaves_no_trace_stays_in_doubt_and_stops_the_rest",),
        (
            Edit(
                "apply/run.py",
                "                self._halted = True\n                told =",
                "                told =",
            ),
        ),
    ),
    Bug(
        "exit code 0 when in doubt",
        (
            f"{_CREATES}test_row_13_what_leaves_no_trace_stays_in_doubt_and_stops_the_rest",
            f"{_PROTOCOL}test_rows_13_to_20_a_create_that_left_no_trace_stays_in_doubt",
            _HISTORIES,
        ),
        (Edit("apply/outcome.py", "return bool(self.in_doubt) or any(", "return any("),),
    ),
    Bug(
        "exit code 0 although a finetune lacks a file",
        (
            f"{_UPLOADS}test_row_33_a_refused_file_leaves_the_finetune_incomplete_and_keeps_its_id",
            _HISTORIES,
        ),
        (
            Edit(
                "apply/outcome.py",
                "return 1 if self.failed or self.not_attempted or self.incomplete else 0",
                "return 0",
            ),
        ),
    ),
    Bug(
        "an interrupted run loses its intents",
        (f"{_ENDS}test_a_lost_answer_that_nobody_looked_for_is_in_doubt", _HISTORIES),
        (
            Edit(
                "apply/run.py",
                "        self._crew.dismiss()\n        self._ledger.save_last()\n",
                "        self._crew.dismiss()\n        self._ledger.pending.clear()\n"
                "        self._ledger.save_last()\n",
            ),
        ),
    ),
    Bug(
        "what waits for its turn is sent after a stop",
        (f"{_ENDS}test_what_waits_for_its_turn_is_not_sent_once_a_run_is_broken_off",),
        (
            Edit(
                "apply/run.py",
                "        if self._stopping:\n            return CreateResult(change, None)\n",
                "",
            ),
        ),
    ),
    Bug(
        "the rescue file is not written",
        (
            f"{_SAVING}test_rows_36_37_and_40_a_save_that_fails",
            f"{_PROTOCOL}test_rows_36_to_38_results_that_cannot_be_saved",
        ),
        (
            Edit(
                "apply/ledger.py",
                "where = self._rescue(self._following())",
                'where = ""',
            ),
        ),
    ),
    Bug(
        "the lock is not looked at before a save",
        (f"{_SAVING}test_row_49_nothing_more_is_sent_once_the_lock_is_lost",),
        (Edit("apply/ledger.py", "            self._lock.check()\n", ""),),
    ),
    Bug(
        "the id is not saved before the first byte of a file",
        (f"{_UPLOADS}test_the_id_is_durable_before_the_first_byte_and_each_file_before_the_next",),
        (
            Edit(
                "apply/run.py",
                "        self._ledger.save()\n        self._unsaved_uploads = 0\n"
                "        for change in changes:\n",
                "        self._unsaved_uploads = 0\n        for change in changes:\n",
            ),
        ),
    ),
    Bug(
        "an upload is acknowledged before it was sent",
        (
            f"{_UPLOADS}test_row_33_a_refused_file_leaves_the_finetune_incomplete_and_keeps_its_id",
            _HISTORIES,
        ),
        (
            Edit(
                "apply/run.py",
                "            self._crew.submit(partial(self._upload, change,",
                "            self._ledger.acknowledge(\n"
                "                change.address, asset.file_name, AssetStatus.UPLOADED\n"
                "            )\n"
                "            self._crew.submit(partial(self._upload, change,",
            ),
        ),
    ),
    Bug(
        "an upload whose answer was lost counts as acknowledged",
        (f"{_UPLOADS}test_row_34_the_answers_are_not_waited_for_without_end", _HISTORIES),
        (
            Edit(
                "apply/run.py",
                "if isinstance(outcome, Refused | Ambiguous):",
                "if isinstance(outcome, Refused):",
            ),
            Edit(
                "apply/run.py",
                "verified = isinstance(outcome, Uploaded)",
                "verified = isinstance(outcome, Uploaded | Ambiguous)",
            ),
        ),
    ),
    Bug(
        "nobody looks for a second one of the name afterwards",
        (
            f"{_CREATES}test_row_51_a_second_one_of_the_name_is_found_by_the_last_listing",
            f"{_PROTOCOL}test_row_51_a_duplicate_is_reported",
        ),
        (Edit("apply/confirmation.py", "if len({*ids, current.id}) > 1:", "if False:"),),
    ),
    Bug(
        "a person may adopt whatever they name",
        (f"{_PROTOCOL}test_resolve_adopts_only_what_can_be_the_result",),
        (
            Edit(
                "apply/resolution.py",
                "elif not intent.attributes.matches(attributes_of(remote)):",
                "elif False:",
            ),
        ),
    ),
    Bug(
        "a stale plan is applied",
        (
            "tests/cli/test_story.py::test_digest_applies_just_what_was_reviewed",
            "tests/explore/test_histories.py::test_what_once_was_or_could_be_wrong",
        ),
        (
            Edit(
                "cli/approval.py",
                "if not self.digest or self.digest == plan.digest:",
                "if True:",
            ),
        ),
    ),
)
