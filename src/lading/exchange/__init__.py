"""Other tools' shapes, in and out."""
