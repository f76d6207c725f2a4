"""Models that run elsewhere, behind a server."""
