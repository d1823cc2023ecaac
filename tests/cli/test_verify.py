"""`verify` and `apply --verify`, over real HTTP: who answers, who does not, who cannot tell."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.identity import lock_info
from reconciler.stores import open_store
from tests.adapters.support import WEIGHTS_FILE, ready
from tests.cli.conftest import Project, Serve, use
from tests.cli.test_protocol import TOKEN, server, state_of
from tests.faults import reactions
from tests.faults.server import FaultServer, answer_truly

__all__ = ["server"]

NOT_FOUND = reactions.api_error(400, 3037, "Finetune not found")


def verification_of(project: Project, name: str = "a") -> Any:
    """What `output` says of one finetune."""
    return json.loads(project.run("output", "--format", "json").out)[name]["verification"]


def runs(project: Project) -> int:
    return sum("/ai/run/" in request.path for request in project.box.account.requests())


def break_weights(folder: Path) -> None:
    """Make the last weight NaN, as a training that diverged leaves it."""
    weights = folder / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-4] + struct.pack("<f", float("nan")))


def declare_adapter(project: Project, *more: str) -> None:
    ready(project.folder)
    project.declare("a: {adapter: mistral}", *more)


# Through the emulated account


def test_apply_waits_until_a_fresh_adapter_answers(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(project, serve(adapter_delay=0.5), monkeypatch)
    declare_adapter(project)

    result = project.apply("--verify")

    assert result.code == 0, result.err
    assert "Asking 1 finetune for one token each" in result.err
    assert "finetune.a: answered after" in result.err
    assert result.out.endswith("Verified: 1 answered.\n")
    verification = verification_of(project)
    assert (verification["outcome"], verification["code"]) == ("answered", "")


def test_the_outcome_is_shown_wherever_the_finetune_is(project: Project) -> None:
    declare_adapter(project)
    project.apply()
    assert verification_of(project) is None
    assert "token" not in project.run("plan").out

    result = project.run("verify", "a")

    assert (result.code, runs(project)) == (0, 1)
    planned = project.run("plan", "--detailed-exitcode")
    assert planned.code == 0
    assert "Asked for a token: 1 answered." in planned.out
    for format_ in ("markdown", "html"):
        assert "Asked for a token: 1 answered." in project.run("plan", "--format", format_).out
    (change,) = json.loads(project.run("plan", "--format", "json").out)["reconciler"]["changes"]
    at = change["verification"]["at"]
    assert change["verification"] == verification_of(project)
    assert f"answered at {at}" in project.run("state", "show", "a").out
    shown = json.loads(project.run("state", "show", "a", "--format", "json").out)
    assert shown["current"]["verification"]["at"] == at
    assert f"answered at {at}" in project.run("output").out
    assert "FINETUNE_A_VERIFIED=answered" in project.run("output", "--format", "env").out
    project.is_converged()


def test_what_only_inference_can_reveal(project: Project) -> None:
    declare_adapter(project)
    break_weights(project.folder / "mistral")
    assert project.run("validate").code == 0

    result = project.run("apply", "--auto-approve", "--verify", "--answer-timeout", "0")

    assert result.code == 1
    assert "Apply complete. 1 created." in result.out
    assert result.out.endswith("Verified: 1 did not answer.\n")
    assert "error[R801]" in result.err
    assert "NaN" in result.err
    assert (verification_of(project)["outcome"], verification_of(project)["code"]) == (
        "silent",
        "R801",
    )
    # The plan has nothing to do, and says what is wrong; the next apply asks again.
    planned = project.run("plan", "--detailed-exitcode")
    assert planned.code == 0
    assert "Asked for a token: 1 did not answer." in planned.out
    assert "warning[R805]" in planned.err
    again = project.run("apply", "--auto-approve", "--verify", "--answer-timeout", "0")
    assert (again.code, runs(project), project.creates()) == (1, 2, 1)
    project.is_converged()


def test_apply_asks_only_what_has_not_answered(project: Project) -> None:
    declare_adapter(project)
    project.apply("--verify")
    assert runs(project) == 1

    assert project.apply("--verify").code == 0
    assert runs(project) == 1
    project.declare("a: {adapter: mistral}", "b: {adapter: mistral}", "c: {adapter: mistral}")
    targets = ("--target", "a", "--target", "b")
    assert project.run("apply", "--auto-approve", "--verify", *targets).code == 0
    assert runs(project) == 2
    assert project.apply("--verify").code == 0
    assert runs(project) == 3
    assert project.run("verify").code == 0
    assert runs(project) == 6


def test_a_finetune_without_files_is_not_waited_for(project: Project) -> None:
    project.declare("a")
    project.apply()

    result = project.run("verify")

    assert (result.code, runs(project)) == (1, 1)
    assert "error[R802]" in result.err


def test_a_model_without_lora(project: Project) -> None:
    model = "@cf/openai/gpt-oss-20b"
    project.box.account.create(name="a", model=model, description="", public=False)
    project.declare(f'a: {{model: "{model}"}}')
    project.apply()

    result = project.run("verify")

    assert (result.code, runs(project)) == (1, 1)
    assert "error[R803]" in result.err


def test_a_new_generation_has_not_answered_yet(project: Project) -> None:
    ready(project.folder)
    project.declare("a: {adapter: mistral, versioned: true}")
    project.apply("--verify")

    project.declare("a: {adapter: mistral, versioned: true, description: New.}")
    assert project.apply().code == 0

    shown = json.loads(project.run("state", "show", "a", "--format", "json").out)
    assert shown["current"]["verification"] is None
    assert shown["superseded"][0]["verification"]["outcome"] == "answered"


def test_a_verification_does_not_change_what_was_reviewed(project: Project) -> None:
    declare_adapter(project)
    project.apply()
    project.declare("a: {adapter: mistral}", "b")
    reviewed = project.run("plan").out.splitlines()[-1]
    project.run("plan", "--out", "plan.json")

    assert project.run("verify", "a").code == 0

    assert project.run("plan").out.splitlines()[-1] == reviewed
    assert project.run("show", "plan.json").code == 0
    assert project.run("apply", "plan.json").code == 0
    project.is_converged()


def test_json_lines(project: Project) -> None:
    declare_adapter(project, "b")

    result = project.run("apply", "--auto-approve", "--verify", "--json")

    assert result.code == 1
    lines = [json.loads(line) for line in result.out.splitlines()]
    ends = {
        line["verification"]["resource"]["addr"]: line["verification"]["outcome"]
        for line in lines
        if "verification" in line
    }
    assert ends == {"finetune.a": "answered", "finetune.b": "silent"}
    assert lines[-1]["type"] == "diagnostic"
    assert lines[-1]["diagnostic"]["code"] == "R802"


def test_nobody_to_ask(project: Project) -> None:
    assert "Nothing to verify" in project.run("verify").out
    unknown = project.run("verify", "a", "b")
    assert unknown.code == 1
    assert unknown.err.count("error[R205]") == 2
    assert runs(project) == 0


def test_the_embedded_account_answers(project: Project) -> None:
    declare_adapter(project)
    assert project.run("apply", "--sandbox", "--auto-approve", "--verify").code == 0
    assert project.run("verify", "--sandbox").code == 0
    assert runs(project) == 0


# Lost, late and strange answers


def test_an_early_finetune_is_asked_again(project: Project, server: FaultServer) -> None:
    declare_adapter(project)
    server.script("run", NOT_FOUND, reactions.reset, answer_truly)

    result = project.apply("--verify")

    assert result.code == 0, result.err
    assert "no answer yet [R801]; asking again" in result.err
    assert server.count("run") == 3
    (there,) = server.account.finetunes
    assert {request.json["lora"] for request in server.received("run")} == {there["id"]}


@pytest.mark.parametrize(
    "reaction",
    [
        reactions.reset,
        reactions.html(502),
        reactions.api_error(429, 3036, "allocation used up"),
        reactions.api_error(429, 3040, "no capacity"),
        reactions.api_error(403, 10000, "no"),
    ],
)
def test_what_says_nothing_about_the_adapter_is_no_verdict(
    project: Project, server: FaultServer, reaction: Any
) -> None:
    declare_adapter(project)
    project.apply("--verify")
    before = verification_of(project)
    server.script("run", reaction)

    result = project.run("verify", "--answer-timeout", "0")

    assert result.code == 1
    assert "error[R804]" in result.err
    assert result.out == "Verified: 1 not known.\n"
    assert "does not answer" not in result.err
    assert TOKEN not in result.out + result.err
    assert before["outcome"] == "answered"
    assert verification_of(project) == before
    assert state_of(project)["finetunes"]["finetune.a"]["verification"] == before
    project.is_converged()


def test_one_that_stays_silent_is_told_after_the_time(
    project: Project, server: FaultServer
) -> None:
    declare_adapter(project)
    project.apply()
    server.script("run", *[NOT_FOUND] * 50)

    result = project.run("verify", "--answer-timeout", "0.6")

    assert result.code == 1
    assert "error[R801]" in result.err


def test_files_that_come_later_ask_for_another_verification(
    project: Project, server: FaultServer
) -> None:
    declare_adapter(project)
    server.script("upload", answer_truly, reactions.api_error(413, 3006, "too large"))
    project.run("apply", "--auto-approve", "--verify")
    assert server.count("run") == 0
    project.run("verify")
    assert verification_of(project)["outcome"] == "answered"

    assert project.apply().code == 0
    assert verification_of(project) is None
    assert project.apply("--verify").code == 0
    assert server.count("run") == 2


# Signals and locks


def wait_for_a_question(project: Project, process: subprocess.Popen[str]) -> None:
    while not runs(project):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize("arguments", [("verify",), ("apply", "--auto-approve", "--verify")])
def test_an_interruption_ends_the_waiting(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    use(project, serve(adapter_delay=3600.0), monkeypatch)
    declare_adapter(project)
    project.apply()
    process = project.spawn(*arguments)
    wait_for_a_question(project, process)

    # The lock is free while it waits: others go on.
    project.is_converged()
    project.declare("a: {adapter: mistral}", "b")
    assert project.apply().code == 0
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "1 not asked to the end" in out
    assert verification_of(project) is None
    project.is_converged()


def test_an_outcome_that_cannot_be_recorded_is_said(project: Project) -> None:
    declare_adapter(project)
    project.apply()
    store = open_store("reconciler.state.json", project.folder, from_project_file=False)

    with store.lock(lock_info("test", store.location), 0):
        result = project.run("verify")

    assert result.code == 1
    assert "R408" in result.err
    assert "finetune.a: answered" in result.err
    assert verification_of(project) is None
    assert project.run("verify").code == 0


def test_an_interruption_does_not_hide_that_outcomes_are_not_recorded(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(project, serve(adapter_delay=3600.0), monkeypatch)
    declare_adapter(project, "b")
    project.apply()
    store = open_store("reconciler.state.json", project.folder, from_project_file=False)

    with store.lock(lock_info("test", store.location), 0):
        process = project.spawn("verify")
        assert process.stderr
        # b has no files, and its verdict at once; a is waited for.
        while "finetune.b: does not answer" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert "1 not asked to the end" in out
    assert "R408" in err
    assert process.returncode == 1


@pytest.mark.parametrize("option", ["--answer-timeout", "--lock-timeout"])
def test_a_time_that_is_no_number_is_refused(project: Project, option: str) -> None:
    result = project.run("verify", option, "nan")

    assert result.code != 0
    assert option in result.err
    assert "nan is not a time" in result.err
    assert project.run("verify", option, "inf").code == 0
