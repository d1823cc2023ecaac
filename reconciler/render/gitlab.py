"""What GitLab shows beside a merge request: the counts of a plan, the findings of a check.

`artifacts:reports:terraform` and `artifacts:reports:codequality` of docs.gitlab.com.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from reconciler.diagnostics import Diagnostic
from reconciler.model import Action
from reconciler.plan import Plan
from reconciler.render.findings import Finding, findings


def render_terraform_report(plan: Plan) -> str:
    """Count as GitLab's own recipe counts the actions of a plan in JSON.

    A change that is impossible counts as Terraform writes it there, as delete and create;
    such a plan is never applied.
    """
    counts = plan.counts
    impossible = counts[Action.REPLACE]
    return json.dumps(
        {
            "create": counts[Action.CREATE] + impossible,
            "update": counts[Action.UPLOAD],
            "delete": impossible,
        }
    )


def render_code_quality(diagnostics: Iterable[Diagnostic], folder: str = "") -> str:
    """Write every finding as an issue; folder is the working folder in the repository."""
    issues = [_issue(finding) for finding in findings(diagnostics, folder)]
    return json.dumps(issues, indent=1)


def _issue(finding: Finding) -> dict[str, object]:
    diagnostic = finding.diagnostic
    return {
        "type": "issue",
        "check_name": diagnostic.code,
        "description": f"{diagnostic.summary}: {finding.message}",
        "categories": ["Bug Risk"],
        "severity": "major" if diagnostic.is_error else "minor",
        "fingerprint": finding.fingerprint,
        "location": {
            "path": finding.path,
            "lines": {"begin": finding.line, "end": finding.end_line},
        },
    }
