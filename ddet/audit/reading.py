"""Write the audit's outcome as text, paper by paper: what holds, what does not, what it means for a replication."""

from collections.abc import Iterable

from ddet.audit.findings import CHECKS, Finding, plural, problems

MEANS = {
    "cut": "Compare with the recomputed means: the printed ones are too small by up to a unit of the last digit.",
    "differs": "Compare with the recomputed number beside the printed one, and do not expect the printed one.",
    "infeasible": "Do not aim at this number: no run can print it.",
    "coarser": "Compare to one digit less than is printed.",
    "other reading": "Report F1 of both classes and their means, and compare only rows that share a definition.",
    "uninformative": "Report a constant predictor beside every such metric, and judge by AUC and class-wise scores.",
    "contradicted": "Test the claim with an interval; the paper's own table does not settle it.",
    "unusual": "Store scores, not only decisions, so that the whole curve can be drawn.",
    "coincidence": "Treat the cells as one measurement, not as two.",
    "leaks": "Split by source, and report the leaking split only beside it.",
    "not printed": "Run the missing arm; there is no number of the paper to compare it with.",
}


def page(findings: Iterable[Finding], paper: str) -> str:
    """Return Markdown: by check, how much was examined and every finding; then the consequences for us."""
    own = [finding for finding in findings if finding.paper == paper]
    lines = [line for check in CHECKS for line in _section(check, [f for f in own if f.check == check])]
    verdicts = dict.fromkeys(finding.verdict for finding in problems(own))
    means = [f"* *{verdict}*: {MEANS[verdict]}" for verdict in MEANS if verdict in verdicts]
    return "\n".join([*lines, "", "**What this asks of the replication**", "", *(means or ["* nothing"])])


def _section(check: int, findings: list[Finding]) -> list[str]:
    if not findings:
        return []
    found = problems(findings)
    head = f"**{check}. {CHECKS[check]}**: {len(findings)} examined, {len(findings) - len(found)} sound"
    bullets = [f"* *{finding.verdict}* · {finding.sentence}" for finding in found]
    return [f"{head}, {len(found)} finding{plural(len(found))}.", "", *bullets, ""]
