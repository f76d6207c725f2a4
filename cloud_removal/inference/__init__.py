"""Raster in, raster out: windows, scenes and what is written beside them."""
