"""Several processes behind one port, and the one that starts them and looks after them.

The parent listens, and neither loads a model nor reads a request. Each worker is a server like the
only one of a single process, and answers by itself; of the others it knows what the parent says.
"""
