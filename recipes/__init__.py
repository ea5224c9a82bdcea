"""Training and evaluation of models: flat scripts, and what they share in `common`."""
