"""Result files: their rows, their statistics, and what is rendered from them."""
