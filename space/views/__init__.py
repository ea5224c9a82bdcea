"""Facts in, HTML out. Every text that is not ours goes through `escaped`; no view decides anything."""
