"""A version becomes files: layers are taken apart as they arrive, checked, and put into place.

``receive`` is where a stream (``streams``), a parser (``archive``) and a place on disk
(``staging``) meet; ``frame`` and ``replay`` go on after a crash; ``folder`` collects layers for a
folder, whose names ``placement`` decides and ``commit`` makes true. Never the network.
"""
