"""The words of Lading and of OCI: frozen values that parse at the edge and are trusted inside.

No files, no network, no clock, no environment.
"""
