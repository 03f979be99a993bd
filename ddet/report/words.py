"""Names of metrics, as a reader says them."""

import re

ACRONYMS = {"f1": "F1", "auc": "AUC", "ap": "AP", "eer": "EER", "ece": "ECE", "tpr": "TPR"}
METRIC = re.compile(r"(frame|clip)_\w+")


def readable(text: str) -> str:
    """Write a text with names of metrics in words: `frame_macro_f1` is frame macro F1."""
    return " ".join(ACRONYMS.get(word, word) for word in text.replace("_", " ").split())


def in_words(cell: str) -> str:
    """Return a cell of a table, the name of a metric in words and anything else as it is."""
    return readable(cell) if METRIC.fullmatch(cell) else cell
