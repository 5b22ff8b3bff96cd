"""A folder into a version, and back.

What a version holds is decided here: which files, in which layers, under which names, and what
the document and the manifests say about them. Nothing here knows a network.
"""
