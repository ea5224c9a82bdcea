"""Where recipes run: Hugging Face Jobs, a rented machine, a cluster."""
