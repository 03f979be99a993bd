"""What the audit is tried on: rows with their counts behind them, and statements about invented numbers."""

import numpy as np
import pandas as pd

from ddet.audit import confusion

COUNTS = {"wrong": 863, "all": 13543, "valid": 160, "test": 200, "train": 640, "none": 0}


def count(expression):
    return sum(COUNTS[part.strip()] for part in expression.split("+"))


def printed(real_right, fake_right, real, fake, reading, digits=4, auc="0.9"):
    accuracy = (real_right + fake_right) / (real + fake)
    score = float(confusion.f1(reading, np.array(real_right), np.array(fake_right), real, fake))
    return {"Acc": f"{accuracy:.{digits}f}", "F1": f"{score:.{digits}f}", "AUC": auc}


def stated(**columns):
    line = {"id": "x", "source": "invented", "where": "1", "words": "something"}
    return pd.DataFrame([{**line, **columns}])
