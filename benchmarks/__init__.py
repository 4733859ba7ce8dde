"""Measurements that print one JSON document each; `python -m benchmarks` lists them."""
