"""Findings as JUnit XML, which every CI shows as tests.

A finetune that is declared without a mistake is a test that passed, an error one that
failed; a warning is a passed test that says something. There is no official schema: these
are the elements that Jenkins, GitLab and GitHub's readers have in common.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable

from reconciler.diagnostics import Diagnostic
from reconciler.model import Address
from reconciler.render.findings import Finding, findings
from reconciler.render.text import safe

_SUITE = "reconciler validate"


def render_junit(
    diagnostics: Iterable[Diagnostic], folder: str = "", declared: Iterable[Address] = ()
) -> str:
    """Write one suite; declared: what was found to be declared, when it was all valid."""
    found = findings(diagnostics, folder)
    failures = str(sum(finding.diagnostic.is_error for finding in found))
    addresses = sorted(declared)
    tests = str(len(found) + len(addresses))
    counts = {"name": _SUITE, "tests": tests, "failures": failures, "errors": "0"}
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {**counts, "skipped": "0", "time": "0"})
    for finding in found:
        _add(suite, finding)
    for address in addresses:
        ET.SubElement(suite, "testcase", {"name": str(address), "classname": _SUITE, "time": "0"})
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _add(suite: ET.Element, finding: Finding) -> None:
    diagnostic = finding.diagnostic
    place = f"{finding.path}:{finding.line}:{finding.column}"
    about = {
        "name": _xml(f"{diagnostic.code} {diagnostic.summary} ({place})"),
        "classname": _xml(diagnostic.address or finding.path),
        "file": _xml(finding.path),
        "line": str(finding.line),
        "time": "0",
    }
    case = ET.SubElement(suite, "testcase", about)
    text = _xml(f"{place}\n{finding.message}")
    if diagnostic.is_error:
        attributes = {"message": _xml(diagnostic.summary), "type": diagnostic.code}
        ET.SubElement(case, "failure", attributes).text = text
    else:
        ET.SubElement(case, "system-out").text = text


def _xml(text: str) -> str:
    """Escape what XML 1.0 cannot hold, and what could not be seen; line ends stay."""
    return "\n".join(map(safe, text.split("\n")))
