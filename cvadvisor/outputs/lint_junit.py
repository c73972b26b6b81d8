"""The linter's findings as JUnit XML: a suite a run, a case a rule."""

from xml.etree import ElementTree

from cvadvisor.lint_report import LintedRun, LintFinding, LintReport
from cvadvisor.outputs.figures import visible
from cvadvisor.outputs.lint_words import about


def render(report: LintReport) -> str:
    """The report as XML, in ASCII. A rule that could not be checked is skipped, never passed."""
    root = ElementTree.Element("testsuites", name="cvadvisor lint")
    for run in report.runs:
        root.append(_suite(run))
    if report.unreadable:
        suite = ElementTree.SubElement(root, "testsuite", name="unreadable files")
        for one in report.unreadable:
            case = ElementTree.SubElement(suite, "testcase", classname="unreadable", name=visible(one.path))
            ElementTree.SubElement(case, "error", message=visible(one.reason), type="unreadable")
    for suite in root:
        _count(suite)
    for total in ("tests", "failures", "errors", "skipped"):
        root.set(total, str(sum(int(suite.get(total, "0")) for suite in root)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="us-ascii", xml_declaration=True).decode("ascii") + "\n"


def _suite(run: LintedRun) -> ElementTree.Element:
    name = visible(run.path) + (f" run {run.number}" if run.of > 1 else "")
    suite = ElementTree.Element("testsuite", name=name)
    properties = ElementTree.SubElement(suite, "properties")
    ElementTree.SubElement(properties, "property", name="about", value=visible(about(run)))
    for finding in run.findings:
        _finding(_case(suite, name, finding.code, finding.name), finding)
    for folded in run.folded:
        case = _case(suite, name, folded.code, folded.name)
        ElementTree.SubElement(case, "skipped", message=visible(f"explained by {folded.under}: {folded.message}"))
    for ignored in run.ignored:
        case = _case(suite, name, ignored.code, ignored.name)
        ElementTree.SubElement(case, "skipped", message=visible(f"ignored: {ignored.reason}"))
    for unchecked in run.not_checked:
        needs = f"needs {', '.join(unchecked.missing)}" if unchecked.missing else "not enough to judge by"
        case = _case(suite, name, unchecked.code, unchecked.name)
        ElementTree.SubElement(case, "skipped", message=visible(f"not checked: {needs}"))
    for passed in run.passed:
        _case(suite, name, passed.code, passed.name)
    return suite


def _case(suite: ElementTree.Element, classname: str, code: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=classname, name=visible(f"{code} {name}"))


def _finding(case: ElementTree.Element, finding: LintFinding) -> None:
    """A new error or warning fails; a note, or what the baseline holds, is only said."""
    text = f"{visible(finding.message)}\nFix: {visible(finding.fix)}"
    if finding.severity == "info" or finding.known_before:
        ElementTree.SubElement(case, "system-out").text = text
    else:
        message = visible(finding.message)
        ElementTree.SubElement(case, "failure", message=message, type=finding.severity).text = text


def _count(suite: ElementTree.Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for total, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(total, str(len(suite.findall(f"testcase/{tag}"))))
