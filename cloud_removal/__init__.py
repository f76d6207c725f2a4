"""Clouds, haze and shadow off satellite and aerial pictures: the ground given back, pixel by pixel accounted for."""
