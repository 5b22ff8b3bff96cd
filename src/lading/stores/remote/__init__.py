"""Registries, spoken to by the distribution API. What a model is, is not known here."""
