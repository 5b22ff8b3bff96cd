"""The inference server: one model behind the Open Inference Protocol and plain rows.

What is served is handed in as a :class:`~lading.serving.model.Model`: a function that answers, a
signature, a digest. Nothing here knows registries, caches or frameworks, and nothing but
``protocol`` decides what a request means; ``app`` and ``server`` are where bytes come and go.
"""
