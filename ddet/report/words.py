"""Names of metrics, as a reader says them, and the minus sign, as a reader writes it."""

import re

ACRONYMS = {"f1": "F1", "auc": "AUC", "ap": "AP", "eer": "EER", "ece": "ECE", "tpr": "TPR"}
METRIC = re.compile(r"(frame|clip)_\w+")
HYPHEN = re.compile(r"(?<![\w.)\]/-])-(?=\.?\d)|(?<=\de)-(?=\d+\b)")  # one that is a sign: no range, date, name or path
CODE = r"<(script|style|code|math|textarea)\b.*?</\2>|<div class=\"[^\"]*\bhighlight\b.*?</div>"
PART = re.compile(rf"({CODE}|<[^>]*>)|[^<]+", re.DOTALL)  # of a page: what stays as it is, or text


def readable(text: str) -> str:
    """Write a text with names of metrics in words: `frame_macro_f1` is frame macro F1."""
    return " ".join(ACRONYMS.get(word, word) for word in text.replace("_", " ").split())


def in_words(cell: str) -> str:
    """Return a cell of a table, the name of a metric in words and anything else as it is."""
    return readable(cell) if METRIC.fullmatch(cell) else cell


def signs(text: str) -> str:
    """Return a text with the minus sign where a hyphen stands for it: "-0.1 to -3e-05" is "−0.1 to −3e−05".

    Every page and Markdown table passes through here at its end, so that however a number was written its sign is one;
    files for machines (CSV) keep the hyphen.
    """
    return HYPHEN.sub("−", text)


def signs_in_html(body: str) -> str:
    """Return HTML whose texts have the minus sign; tags, code and scripts stay as they are."""
    return PART.sub(lambda part: part[0] if part[1] else signs(part[0]), body)
