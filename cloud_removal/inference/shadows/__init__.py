"""Cloud shadow: where it falls, how dark it is, and the ground as it looks in the light."""
