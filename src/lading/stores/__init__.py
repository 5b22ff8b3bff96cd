"""Where content can live. Each store speaks the verbs of :mod:`lading.ports` and knows no other.

No store knows what a model is.
"""
