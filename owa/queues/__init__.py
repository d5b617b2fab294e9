"""Queues: their contract, the parts that back-ends share, a memory queue, and the suite that each back-end passes."""
