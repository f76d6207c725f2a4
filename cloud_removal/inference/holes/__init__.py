"""What becomes of the ground that opaque cloud hides."""
