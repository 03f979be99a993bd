"""Small commands for development of the repository."""
