"""Runs: the store of finished runs, the processes that train them, the runs a table needs, and their results."""
