"""Pictures in: decoding, tile stores, simulated clouds, procedural ground, batches."""
