"""What tests, benchmarks and trials of an installation use: generated traffic."""
