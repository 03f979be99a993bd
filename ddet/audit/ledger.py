"""The ledger: every claim of the papers, with the verdict of their own tables and that of our runs."""

from pathlib import Path

import pandas as pd

from ddet import published
from ddet.audit import papers
from ddet.errors import InputError
from ddet.stats.verdicts import RESULT, VERDICTS

UNTESTABLE = ("people", "other authors' models")  # kinds of evidence that our runs cannot provide
LEDGER = ["id", "paper", "claim", "where", "stated", "own tables", *RESULT[1:]]


def ledger(results: Path) -> pd.DataFrame:
    """Return the ledger over all papers, one row per claim and data set it was tested on (columns LEDGER).

    `own tables` is the audit's verdict on the statements behind a claim: "consistent", the verdicts that are not, or
    "not checked". A claim without runs has the verdict "not tested", or "not testable here" where it needs people or
    models that are not ours.

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
    frame = pd.read_csv(path, dtype={"claim_id": str, "runs": str, "verdict": str, "data": str})
    if missing := [column for column in RESULT if column not in frame]:
        raise InputError(path, f"it lacks the columns {', '.join(missing)}", f"write exactly {', '.join(RESULT)}")
    for column, known in (("claim_id", set(claims["id"])), ("verdict", set(VERDICTS))):
        if unknown := sorted(set(frame[column].astype(str)) - known):
            raise InputError(path, f"unknown {column} {unknown[0]!r}", f"one of: {', '.join(sorted(known))}")
    if (twice := frame.duplicated(["claim_id", "data"])).any():
        raise InputError(path, f"{frame.loc[twice, 'claim_id'].iloc[0]!r} twice on one data set", "keep one")
    return frame[RESULT]


def merge(claims: pd.DataFrame, outcome: pd.Series, results: pd.DataFrame) -> pd.DataFrame:
    """Join claims, audit outcome (statement id -> verdict) and results, in the order of the claims."""
    claims = claims.assign(**{"own tables": [_own(checks, outcome) for checks in claims["checks"]]})
    joined = claims.merge(results, left_on="id", right_on="claim_id", how="left")
    untested = joined["evidence"].isin(UNTESTABLE).map({True: "not testable here", False: "not tested"})
    joined["verdict"] = joined["verdict"].where(joined["verdict"].notna(), untested)
    joined[["runs", "data"]] = joined[["runs", "data"]].fillna("")
    numbers = {name: pd.to_numeric(joined[name]).astype(float) for name in ("effect", "lo", "hi")}
    return joined.assign(**numbers, n=pd.to_numeric(joined["n"]).astype("Int64"))[LEDGER]


def _own(checks: str, outcome: pd.Series) -> str:
    ids = [identifier.strip() for identifier in checks.split(";") if identifier.strip()]
    if unknown := [identifier for identifier in ids if identifier not in outcome]:
        raise InputError("claims.csv", f"no statement {unknown[0]!r} was audited", "use the id of a statement")
    return papers.worst([part for i in ids for part in outcome[i].split(", ")]) if ids else "not checked"


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Count verdicts by paper: one row per paper, one column per verdict that occurs."""
    return pd.crosstab(table["paper"], table["verdict"]).rename_axis(columns=None).reset_index()
