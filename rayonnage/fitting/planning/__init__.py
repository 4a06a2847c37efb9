"""What a fit does: each way with its seconds, its memory and what it is expected to bring, and why one was chosen."""
