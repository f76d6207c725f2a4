"""How good a result is: metrics, simple peers, tables."""
