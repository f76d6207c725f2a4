"""Pages and pictures about a result."""
