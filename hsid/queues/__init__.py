"""Durable queues: entries that survive the process, leased to handlers and settled exactly once."""
