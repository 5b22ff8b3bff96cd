"""JSON schemas: Lading's own, made of its types, and other people's, vendored to be checked by."""
