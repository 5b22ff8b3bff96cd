"""What model files say about themselves: headers are read, nothing is run.

A file is looked at through a :class:`lading.ports.Window`, near or far, with bounded memory, and
becomes facts. What is wrong with a header becomes a note; only a file that cannot be read at all
is an error. Nothing is imported from a machine learning framework, nothing is unpickled, nothing
is unpacked. What the facts mean for a version is decided elsewhere.
"""
