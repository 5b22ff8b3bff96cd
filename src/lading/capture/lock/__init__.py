"""Locks of every kind, read into one shape (``locked``) and written from it.

Readers take text and know no files; which lock of a project counts is decided in ``project``.
"""
