"""What is read of a version besides its files: through the cache, and with what hangs on it."""
