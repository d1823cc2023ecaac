"""Bugs in what is made of the state and the list: evidence, and what is gone."""

from tests.explore.planted.bug import Bug, Edit

_REFRESH = "tests/refresh/test_refresh.py::"
_ACTIONS = "tests/plan/test_actions.py::"
_PROTOCOL = "tests/cli/test_protocol.py::"
_STRANGE = "tests/cli/test_strange_accounts.py::"
_HISTORIES = "tests/explore/test_histories.py::test_no_history_breaks_a_promise"

BUGS = (
    Bug(
        "a plan of others records what the account renamed",
        (
            f"{_STRANGE}test_what_the_account_renamed_is_not_created_again_after_a_plan_of_others",
            _HISTORIES,
        ),
        (Edit("refresh.py", "and address not in addresses:", "and False:"),),
    ),
    Bug(
        "a create in doubt is out of the scope of its address",
        (
            f"{_STRANGE}test_a_create_in_doubt_is_in_the_scope_of_its_address_when_nobody_declares_it",
        ),
        (
            Edit(
                "plan/builder.py",
                "    addresses = {*scope.targets, *wanted, *forgotten}\n",
                "    addresses = {*wanted, *forgotten}\n",
            ),
        ),
    ),
    Bug(
        "a finetune of that name is adopted without evidence",
        (
            f"{_REFRESH}test_anything_else_stays_unresolved_with_its_candidates",
            "tests/apply/test_creates.py::test_one_with_other_attributes_is_no_evidence",
        ),
        (
            Edit(
                "refresh.py",
                "return len(candidates) == 1 and intent.attributes.matches"
                "(attributes_of(candidates[0]))",
                "return len(candidates) == 1",
            ),
        ),
    ),
    Bug(
        "one of two candidates is chosen",
        (
            f"{_REFRESH}test_anything_else_stays_unresolved_with_its_candidates",
            "tests/apply/test_creates.py::test_row_28_of_two_that_may_be_the_result_none_is_chosen",
            f"{_PROTOCOL}test_a_person_adopts_one_of_two",
        ),
        (Edit("refresh.py", "return len(candidates) == 1 and", "return bool(candidates) and"),),
    ),
    Bug(
        "an id that was known before the create is taken for its result",
        (f"{_REFRESH}test_anything_else_stays_unresolved_with_its_candidates",),
        (
            Edit(
                "refresh.py",
                "if remote.id not in intent.known_ids and remote.id not in recorded",
                "if remote.id not in recorded",
            ),
        ),
    ),
    Bug(
        "an id that is recorded elsewhere is taken for the result",
        (f"{_REFRESH}test_what_is_recorded_elsewhere_is_no_candidate",),
        (
            Edit(
                "refresh.py",
                "if remote.id not in intent.known_ids and remote.id not in recorded",
                "if remote.id not in intent.known_ids",
            ),
        ),
    ),
    Bug(
        "of two intents of one name each takes what came of the other",
        (f"{_REFRESH}test_of_two_creates_of_one_name_nobody_can_tell_whose_result_it_is",),
        (
            Edit(
                "refresh.py",
                "if is_evidence(intent, candidates) and claims[intent.attributes.name] == 1:",
                "if is_evidence(intent, candidates):",
            ),
        ),
    ),
    Bug(
        "what is not listed yet counts as deleted",
        (
            f"{_REFRESH}test_what_was_never_listed_is_not_gone_but_unseen",
            f"{_PROTOCOL}test_row_31_a_created_finetune_that_no_list_shows_is_not_created_again",
            _HISTORIES,
        ),
        (
            Edit(
                "refresh.py",
                "gone=frozenset(a for a in missing if finetunes[a].current.seen),",
                "gone=frozenset(missing),",
            ),
        ),
    ),
    Bug(
        "a plan with an open intent can be applied",
        (f"{_PROTOCOL}test_rows_13_to_20_a_create_that_left_no_trace_stays_in_doubt",),
        (
            Edit(
                "plan/plan.py",
                "            not self.unresolved\n            and not",
                "            not",
            ),
            Edit("plan/plan.py", "        if self.unresolved:\n            return 3\n", ""),
            Edit(
                "plan/builder.py",
                "            *(\n"
                "                findings.unresolved(item, was_asked=prior.listing is not None)\n"
                "                for item in unresolved\n"
                "            ),\n",
                "",
            ),
        ),
    ),
    Bug(
        "two of one name in the account are no hindrance",
        (
            f"{_ACTIONS}test_row_51_a_second_one_beside_the_recorded_one_is_a_duplicate",
            _HISTORIES,
        ),
        (Edit("plan/decisions.py", "if len(standing.ids_of_name) > 1:", "if False:"),),
    ),
    Bug(
        "what is not listed yet is forgotten",
        (f"{_ACTIONS}test_what_is_not_listed_yet_is_not_forgotten",),
        (
            Edit(
                "plan/decisions.py",
                "    if unlisted:\n        # Forgotten now",
                "    if False:\n        # Forgotten now",
            ),
        ),
    ),
)
