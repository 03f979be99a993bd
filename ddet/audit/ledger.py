"""The ledger: every claim of the papers, with the verdict of their own tables and that of our runs.

With so many claims some would hold by chance. `multiplicity` says how many, and which remain when that is allowed for.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from ddet import published
from ddet.audit import papers
from ddet.errors import InputError
from ddet.stats.verdicts import RESULT, SIZES, VERDICTS

UNTESTABLE = ("people", "other authors' models")  # kinds of evidence that our runs cannot provide
ALLOWED = 0.05  # share of false verdicts among those that remain (Benjamini-Hochberg), chance of any (Holm)
ADJUSTED = ["p (false discoveries)", "p (any error)"]
LEDGER = ["id", "paper", "claim", "where", "stated", "null", "own tables", *RESULT[1:], *ADJUSTED]


def ledger(results: Path) -> pd.DataFrame:
    """Return the ledger over all papers, one row per claim and data set it was tested on (columns LEDGER).

    `own tables` is the audit's verdict on the statements behind a claim: "consistent", the verdicts that are not, or
    "not checked". A claim without runs has the verdict "not tested", or "not testable here" where it needs people or
    models that are not ours. `p` is that of the claim's null, two-sided; ADJUSTED allow for all tests of the ledger.

    Args:
        results: the folder that holds claims_<paper>.csv, one per paper that has been run; none need exist.

    Raises:
        InputError: a result file that names an unknown claim or verdict, or one claim twice on the same data.
    """
    claims = published.facts("claims")
    return merge(claims, papers.by_statement(papers.audit()), read_results(results, claims))


def read_results(folder: Path, claims: pd.DataFrame) -> pd.DataFrame:
    """Read and check every claims_<paper>.csv; columns RESULT."""
    frames = [_read(folder / f"claims_{paper}.csv", part) for paper, part in claims.groupby("paper", sort=False)]
    frames = [frame for frame in frames if frame is not None and len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=RESULT)


def _read(path: Path, claims: pd.DataFrame) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    words = ("claim_id", "runs", "verdict", "data", "size", "premise", "level", "per seed")
    frame = pd.read_csv(path, dtype=dict.fromkeys(words, str))
    if missing := [column for column in RESULT if column not in frame]:
        raise InputError(path, f"it lacks the columns {', '.join(missing)}", f"write exactly {', '.join(RESULT)}")
    known_words = {"claim_id": set(claims["id"]), "verdict": set(VERDICTS), "size": set(SIZES)}
    for column, known in known_words.items():
        if unknown := sorted(set(frame[column].dropna().astype(str)) - known):
            raise InputError(path, f"unknown {column} {unknown[0]!r}", f"one of: {', '.join(sorted(known))}")
    if (twice := frame.duplicated(["claim_id", "data"])).any():
        raise InputError(path, f"{frame.loc[twice, 'claim_id'].iloc[0]!r} twice on one data set", "keep one")
    return frame[RESULT]


def merge(claims: pd.DataFrame, outcome: pd.Series, results: pd.DataFrame) -> pd.DataFrame:
    """Join claims, audit outcome (statement id -> verdict) and results, in the order of the claims."""
    claims = claims.assign(**{"own tables": [_own(checks, outcome) for checks in claims["checks"]]})
    claims = claims.drop(columns=["size", "premise"], errors="ignore")  # what is stated; a result says what came of it
    joined = claims.merge(results, left_on="id", right_on="claim_id", how="left")
    untested = joined["evidence"].isin(UNTESTABLE).map({True: "not testable here", False: "not tested"})
    joined["verdict"] = joined["verdict"].where(joined["verdict"].notna(), untested)
    words = ["runs", "data", "size", "premise", "level", "per seed"]
    joined[words] = joined[words].fillna("")
    numbers = {name: pd.to_numeric(joined[name]).astype(float) for name in ("effect", "lo", "hi", "detectable", "p")}
    counted = {name: pd.to_numeric(joined[name]).astype("Int64") for name in ("n", "people", "seeds")}
    joined = joined.assign(**numbers, **counted)
    return joined.assign(**adjusted(joined["p"].where(joined["verdict"] != "not testable here")))[LEDGER]


def adjusted(p: pd.Series) -> dict[str, pd.Series]:
    """Adjust p-values for their number (nan where nothing was tested); columns ADJUSTED.

    Benjamini and Hochberg (1995): of the verdicts whose adjusted p is below .05, at most 5 % are wrong on average.
    Holm (1979): below .05, the chance that any is wrong is at most 5 %, however the tests depend on each other.
    """
    known = p.dropna().sort_values()
    left = np.arange(len(known), 0, -1)
    holm = pd.Series(np.minimum(np.maximum.accumulate(known.to_numpy() * left), 1), known.index, float)
    discoveries = pd.Series(false_discovery_control(known) if len(known) else [], known.index, float)
    return dict(zip(ADJUSTED, (discoveries.reindex(p.index), holm.reindex(p.index)), strict=True))


def multiplicity(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Count the verdicts that the number of tests explains: one row per paper and one for all.

    Columns: tests made; how many would come out *holds* if no claim was true (half the error of an interval each);
    how many do; how many of those remain at ALLOWED under either control. Both take the tests of all papers together.
    """
    lines = []
    for paper, part in [*table.groupby("paper", sort=False), ("all", table)]:
        tested = part[part["p"].notna() & (part["verdict"] != "not testable here")]
        holds = tested[tested["verdict"] == "holds"]
        remain = {f"remain, {name[3:-1]}": int((holds[name] < ALLOWED).sum()) for name in ADJUSTED}
        chance = len(tested) * (1 - confidence) / 2
        lines.append({"paper": paper, "tests": len(tested), "by chance": chance, "holds": len(holds)} | remain)
    return pd.DataFrame(lines)


def decided(table: pd.DataFrame) -> pd.DataFrame:
    """Count how many of the testable claims have a decided direction: one row per paper and one for all.

    Columns: claims; testable (tested on runs of ours, with every premise met); decided (holds or fails); their share.
    """
    lines = []
    for paper, part in [*table.groupby("paper", sort=False), ("all", table)]:
        told = part[~part["verdict"].isin(("not tested", "not testable here"))]
        sure = int(told["verdict"].isin(("holds", "fails")).sum())
        share = sure / len(told) if len(told) else np.nan
        lines.append(
            {"paper": paper, "claims": len(part), "testable": len(told), "decided": sure, "share decided": share}
        )
    return pd.DataFrame(lines)


def reach(table: pd.DataFrame) -> pd.DataFrame:
    """Set the smallest detectable effect beside the claimed one: the tested claims that state the size of an effect.

    `in reach`: whether the run would have found the claimed effect in four of five repetitions; of a range, its end
    that is easier to find.
    """
    stated = published.facts("claims").set_index("id")
    stated = stated[stated["sized"] == "effect"]
    told = table[table["id"].isin(stated.index) & table["detectable"].notna()]
    claimed = [max(abs(float(end)) for end in stated.loc[i, "size"].split("..") if end) for i in told["id"]]
    found = told[["id", "paper", "stated", "effect", "detectable", "verdict", "size", "people", "seeds"]]
    found = found.assign(claimed=claimed, **{"in reach": told["detectable"].to_numpy() <= np.array(claimed)})
    order = ["id", "stated", "claimed", "detectable", "in reach", "effect", "verdict", "size", "people", "seeds"]
    return found[order].reset_index(drop=True)


def _own(checks: str, outcome: pd.Series) -> str:
    ids = [identifier.strip() for identifier in checks.split(";") if identifier.strip()]
    if unknown := [identifier for identifier in ids if identifier not in outcome]:
        raise InputError("claims.csv", f"no statement {unknown[0]!r} was audited", "use the id of a statement")
    return papers.worst([part for i in ids for part in outcome[i].split(", ")]) if ids else "not checked"


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Count verdicts by paper: one row per paper, one column per verdict that occurs."""
    return pd.crosstab(table["paper"], table["verdict"]).rename_axis(columns=None).reset_index()
