"""Write a table in one step, so that a notebook that runs beside its writer never reads half of it."""

from pathlib import Path

import pandas as pd

from ddet.data import crops


def write_csv(table: pd.DataFrame, path: Path, digits: int | None = None) -> None:
    """Write a table as CSV, fractions with `digits` decimals (None: all); make its folder where it is not there."""
    text = table.to_csv(index=False, float_format=None if digits is None else f"%.{digits}f")
    crops.write(path, text.encode())


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet, without its index; make its folder where it is not there."""
    crops.write(path, table.to_parquet(index=False))
