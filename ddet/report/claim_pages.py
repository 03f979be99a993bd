"""A page per claim: what is said, what was tested, both numbers, what has to hold, and where all of it comes from."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

import pandas as pd

from ddet import params
from ddet.report import claim_figures, nav, style
from ddet.report.cells import EMPTY, half_up
from ddet.report.dvc_lock import Stage
from ddet.report.forest import forest
from ddet.report.html import definitions, link
from ddet.report.outcomes import Outcome, probability
from ddet.report.verdict_table import runs, verdict
from ddet.report.words import readable
from ddet.stats.verdicts import NEGLIGIBLE

SIDES = ("arm_a", "arm_b")
TABLES = "reports/tables/"
HEADING = re.compile(r"<h2>(.*?)</h2>")
VERDICTS = "ddet/stats/verdicts.py"  # the rule of every verdict
PACKAGES = tuple(f"ddet/{paper}/" for paper in ("herd", "asrid", "prle"))
DETECTABLE = "the smallest effect that a run like this one finds in four of five repetitions"


@dataclass(frozen=True)
class Source:
    """Where a claim is tested: the notebook, the modules of its paper that name the claim, the notebook's tables."""

    notebook: str
    modules: tuple[str, ...]
    tables: tuple[str, ...] = ()


def sources(stages: Sequence[Stage], root: Path) -> dict[str, Source]:
    """Find where each claim is tested: in the first notebook whose stage wrote a line on it (`*claims*.csv`)."""
    found: dict[str, Source] = {}
    for stage in stages:
        files = [o.path for o in stage.outs if "claims" in Path(o.path).name and o.path.startswith("data/results/")]
        ids = [i for f in files if (root / f).is_file() for i in pd.read_csv(root / f)["claim_id"]]
        modules = [d.path for d in stage.deps if d.path.startswith(PACKAGES) and d.path.endswith(".py")]
        code = {path: (root / path).read_text(encoding="utf-8") for path in modules if ids and (root / path).is_file()}
        tables = tuple(Path(p).stem for p in stage.reports(root) if p.startswith(TABLES) and p.endswith(".html"))
        for claim in ids:
            naming = tuple(path for path, text in code.items() if f'"{claim}"' in text)
            found.setdefault(claim, Source(Path(stage.notebook).stem, naming, tables))
    return found


def claim_page(
    outcomes: Sequence[Outcome],
    cfg: params.Params,
    source: Source | None,
    names: Mapping[str, str],
    statement: str,
    before: nav.Link | None,
    after: nav.Link | None,
    *,
    root: Path,
    lines: Mapping[str, tuple[int, str]],
    code: str,
    study: str,
) -> str:
    """Return the page of one claim, for reports/claims/.

    Args:
        outcomes: of this claim, one per data set.
        names: of the papers.
        statement: what the data are.
        root: the repository's, where its figure lies.
        lines: of params.yaml, see `arm_lines.read`.
        code: the commit that the pages are of, see `commit.told`.
        study: what the study says, see `studied.section`.
    """
    claim = outcomes[0]
    words = claim.claim[0].upper() + claim.claim[1:]
    parts = [
        f'<p class="soft">{escape(names[claim.paper])}, {escape(claim.where)} · claim <code>{claim.id}</code> '
        f"(in our words)</p>\n<h1>{escape(words)}</h1>",
        f'<p class="statement">{escape(statement)}</p>',
        f"<h2>What is tested</h2>\n<p>{escape(_test(claim))}</p>",
        *(_numbers(o, names) for o in outcomes),
        *filter(None, [claim_figures.figure(claim.id, root), study]),
        f"<h2>In the paper’s own tables</h2>\n<p>{escape(claim.own)}, by the audit of the statements behind it.</p>",
        f"<h2>Where it comes from</h2>\n{_origin(claim, cfg, source, lines, code)}",
    ]
    body, contents = _anchored("\n".join(parts))
    ends = {"before": before, "after": after, "contents": contents}
    return nav.page(f"{claim.id}: {words}", body, up="../", css=style.RESULTS, **ends)


def _anchored(body: str) -> tuple[str, list[nav.Link]]:
    """Give each part an anchor; return the contents too."""
    titles = HEADING.findall(body)
    numbers = iter(range(1, len(titles) + 1))
    body = HEADING.sub(lambda heading: f'<h2 id="part-{next(numbers)}">{heading[1]}</h2>', body)
    return body, [(f"#part-{i}", unescape(title)) for i, title in enumerate(titles, 1)]


def _test(claim: Outcome) -> str:
    what = readable(claim.metric)
    arms = [getattr(claim, side) for side in SIDES if getattr(claim, side)]
    of = f" of {arms[0]} minus that of {arms[1]}" if len(arms) == 2 else f" of {arms[0]}" if arms else ""
    says = "More than 0 is what the claim says."
    if claim.stated == "not better":
        says = f"Above −{half_up(NEGLIGIBLE * claim.unit.scale, 0)} {claim.unit.name} is what the claim says."
    return f"{what[0].upper()}{what[1:]}{of}, against: {claim.null}. {says}"


def _numbers(o: Outcome, names: Mapping[str, str]) -> str:
    reach = f"{o.show(o.detectable, sign=False)} {o.unit.name}: {DETECTABLE}"
    allowed = f"{probability(o.p_discoveries)} (false discoveries, Benjamini and Hochberg)"
    facts = {
        "Ours": o.interval(),
        "The paper states": o.stated,
        "Size": o.compared,
        "Smallest detectable effect": "" if math.isnan(o.detectable) else reach,
        "p against that null": probability(o.p),
        "Allowing for all tests": "" if math.isnan(o.p_any) else f"{allowed}, {probability(o.p_any)} (any error, Holm)",
        "Premise": readable(o.premise) or "none, or not measured",
        "Behind it": _behind(o),
        "Tested on": o.data,
    }
    told = {name: escape(text) for name, text in facts.items() if text not in ("", EMPTY)} | {"Runs": runs(o)}
    head = f"<h2>What came out{f': {escape(o.variant)}' if o.variant else ''}</h2>\n<p>{verdict(o.verdict)}</p>"
    return f"{head}\n{forest([o], dict(names), '../', labelled=False)}\n{definitions(told)}"


def _behind(o: Outcome) -> str:
    counts = {"source groups": o.people, "seeds": o.seeds, "frames or clips": o.frames}
    return ", ".join(f"{int(n)} {what}" for what, n in counts.items() if not math.isnan(n))


def _origin(
    claim: Outcome, cfg: params.Params, source: Source | None, lines: Mapping[str, tuple[int, str]], code: str
) -> str:
    facts = {"Arms in params.yaml": "<br>".join(f"<code>{escape(t)}</code>" for t in _arms(claim, cfg, lines))}
    if source:
        facts["Tested in"] = link(f"../{source.notebook}.html", source.notebook)
        facts["Its tables"] = " · ".join(link(f"../tables/{name}.html", name) for name in source.tables)
        facts["Modules"] = "<br>".join(f"<code>{escape(m)}</code>" for m in (*source.modules, VERDICTS))
    facts["Commit"] = escape(code)
    facts["All claims"] = link("../index.html#verdicts", "the table of claims")
    return definitions({name: text for name, text in facts.items() if text})


def _arms(claim: Outcome, cfg: params.Params, lines: Mapping[str, tuple[int, str]]) -> list[str]:
    """Return the line of params.yaml of each arm that the claim names."""
    arms = getattr(cfg, claim.paper).arms
    named = [f"{claim.paper}.arms.{arms[name].key}" for side in SIDES if (name := getattr(claim, side)) in arms]
    return [f"line {lines[place][0]}, {claim.paper}.arms: {lines[place][1]}" for place in named]
