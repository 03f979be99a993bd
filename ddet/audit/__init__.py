"""Check published numbers against each other: find impossible, inconsistent and uninformative ones.

Every check takes a tidy table (ddet.published) and facts such as class counts, and returns findings. No check is
specific to a paper: `ddet.audit.papers` applies them to the three papers, `python -m ddet.audit` to any table.
"""
