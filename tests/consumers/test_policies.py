"""Policies for Terraform plans, run on ours by the tools they were made for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.consumers.conftest import POLICIES, Tool
from tests.pipelines.support import Completed, succeeded


def compliance(tool: Tool, plan: Path) -> Completed:
    features = POLICIES / "terraform-compliance"
    return tool(
        "terraform-compliance", "terraform-compliance", "--no-ansi", "-f", features, "-p", plan
    )


@dataclass
class Report:
    """What checkov says of one plan: (check, address) of what passed and of what failed."""

    passed: set[tuple[str, str]] = field(default_factory=set)
    failed: set[tuple[str, str]] = field(default_factory=set)


def checkov(tool: Tool, *plans: Path) -> tuple[int, list[Report]]:
    """Return the exit code, and a report on each plan; one run, because it starts slowly."""
    done = tool(
        "checkov",
        "checkov",
        *(part for plan in plans for part in ("--file", plan)),
        *("--framework", "terraform_plan"),
        *("--external-checks-dir", POLICIES / "checkov"),
        *("--check", "CKV_FINETUNE_1,CKV2_FINETUNE_1"),
        *("--skip-download", "--output", "json"),
    )
    results = json.loads(done.stdout)["results"]
    assert results["parsing_errors"] == []
    reports = {plan.name: Report() for plan in plans}
    for check in results["passed_checks"]:
        report = reports[Path(check["file_path"]).name]
        report.passed.add((check["check_id"], check["resource"]))
    for check in results["failed_checks"]:
        report = reports[Path(check["file_path"]).name]
        report.failed.add((check["check_id"], check["resource"]))
    return done.returncode, list(reports.values())


def denied(tool: Tool, plan: Path) -> list[str]:
    """Return what the Rego policy denies."""
    folder = POLICIES / "rego"
    done = tool("regopy", "python", folder / "evaluate.py", folder / "finetunes.rego", plan)
    found: list[str] = json.loads(succeeded(done))
    return found


def test_terraform_compliance_passes_a_good_plan(tool: Tool, good_plan: Path) -> None:
    report = succeeded(compliance(tool, good_plan))

    assert "3 scenarios (3 passed)" in report


def test_terraform_compliance_fails_a_bad_plan_and_names_it(tool: Tool, bad_plan: Path) -> None:
    done = compliance(tool, bad_plan)

    assert done.returncode == 1
    assert "public property in finetune.leak resource does not match" in done.stdout
    assert "description property in finetune.leak resource does not match" in done.stdout
    assert "for finetune.large on finetune. 8 is not less and equal than 4" in done.stdout
    assert "finetune.summarizer" not in done.stdout


def test_terraform_compliance_reads_a_plan_with_every_action(tool: Tool, mixed_plan: Path) -> None:
    assert "3 scenarios (3 passed)" in succeeded(compliance(tool, mixed_plan))


def test_checkov_passes_good_plans_and_fails_a_bad_one_and_names_it(
    tool: Tool, good_plan: Path, mixed_plan: Path, bad_plan: Path
) -> None:
    code, (good, mixed, bad) = checkov(tool, good_plan, mixed_plan, bad_plan)

    assert code == 1
    checks = ("CKV_FINETUNE_1", "CKV2_FINETUNE_1")
    addresses = ("finetune.summarizer", "finetune.support-bot")
    assert good == Report({(check, address) for check in checks for address in addresses})
    # What is managed afterwards, and not what is forgotten.
    names = ("adopted", "created", "drifted", "half", "kept", "moved-to")
    assert mixed == Report({(check, f"finetune.{name}") for check in checks for name in names})
    private, small = checks
    assert bad.failed == {(private, "finetune.leak"), (small, "finetune.large")}
    assert (private, "finetune.summarizer") in bad.passed


def test_a_rego_policy_passes_a_good_plan(tool: Tool, good_plan: Path) -> None:
    assert denied(tool, good_plan) == []


def test_a_rego_policy_denies_a_bad_plan_and_names_it(tool: Tool, bad_plan: Path) -> None:
    assert denied(tool, bad_plan) == [
        "finetune.large has rank 8, over 4",
        "finetune.leak would be public for good",
    ]


def test_a_rego_policy_finds_what_terraform_has_no_word_for(tool: Tool, mixed_plan: Path) -> None:
    assert denied(tool, mixed_plan) == [
        "finetune.forgotten would stay in the account with nobody to look after it"
    ]
