"""The training loop, and what surrounds it: checkpoints, interrupts, records."""
