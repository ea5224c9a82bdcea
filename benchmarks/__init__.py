"""What `make bench` measures; `python -m benchmarks` writes docs/benchmarks.md."""
