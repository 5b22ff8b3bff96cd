"""What runs inside a build: programs of their own, sent with the build's context.

Nothing of Lading is imported here, and nothing here is imported by Lading: the Python of an image
runs it, before anything is installed.
"""
