"""Hash configurations and tables, for run keys and fingerprints."""

import hashlib
import json

import pandas as pd


def canonical(value: object) -> str:
    """Serialise a JSON value in canonical form for hashing: sorted keys, no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(data: bytes) -> str:
    """Hash bytes to 12 hexadecimal digits, as run keys have."""
    return hashlib.sha256(data).hexdigest()[:12]


def fingerprint(frame: pd.DataFrame) -> str:
    """Hash a table's column names, values and row order: 12 hex digits. Pass only the columns that affect the run."""
    return digest(frame.to_csv(index=False).encode())
