"""Masks that others made."""
