"""Parts of verification. Nothing here is used to make problems."""
