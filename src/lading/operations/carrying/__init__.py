"""A version that goes into another repository, with what hangs on it and was said of it."""
