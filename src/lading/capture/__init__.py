"""What a person would forget to say about a model: read from what lies around it."""
