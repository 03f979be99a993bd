"""Names from data (files, people, arms), as text that Markdown and a spreadsheet take for text."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet runs begins with one of these


def in_csv(value: object) -> object:
    """Return a cell that no spreadsheet runs: text that looks like a formula gets an apostrophe before it.

    Numbers, and the dash that stands for nothing, stay as they are.
    """
    if not isinstance(value, str) or len(value) < 2 or not value.startswith(FORMULA) or _is_number(value):
        return value
    return f"'{value}"


def in_markdown(text: str) -> str:
    """Return a cell of a Markdown table that holds no element, no link and no further cell."""
    for old, new in {"\\": "\\\\", "|": "\\|", "<": "&lt;", "](": "]\\(", "\n": " ", "\r": " "}.items():
        text = text.replace(old, new)
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
