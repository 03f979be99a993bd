"""Hash configurations and tables: what a run key is made of."""

import hashlib
import json

import pandas as pd


def canonical(value: object) -> str:
    """Write a JSON value in the one form that is hashed: sorted keys, no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(data: bytes) -> str:
    """Hash bytes to the 12 hexadecimal digits that keys have."""
    return hashlib.sha256(data).hexdigest()[:12]


def fingerprint(frame: pd.DataFrame) -> str:
    """Hash a table's column names, values and row order: 12 digits. Choose the columns that shape the run."""
    return digest(frame.to_csv(index=False).encode())
