"""What counts as a difference between two versions."""
