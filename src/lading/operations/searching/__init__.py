"""What searches read, keep and show."""
