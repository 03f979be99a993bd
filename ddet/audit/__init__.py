"""Check published numbers against each other: what cannot be, what does not follow, what says nothing.

Every check takes a tidy table (ddet.published) and facts such as class counts, and returns findings. No check knows
a paper: `ddet.audit.papers` says which table is checked how, `python -m ddet.audit` checks anyone's table.
"""
