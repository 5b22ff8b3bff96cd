"""How evidence is hung on a version."""
