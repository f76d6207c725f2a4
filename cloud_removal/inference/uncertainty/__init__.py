"""How far a result may be off, pixel by pixel, and what becomes of pixels where that is too much."""
