"""A batch run as it is asked for: what is wanted of it, and where rows come from and go to."""
