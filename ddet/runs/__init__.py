"""Runs: the store of finished fits, the processes that make them, what tables need and what they left."""
