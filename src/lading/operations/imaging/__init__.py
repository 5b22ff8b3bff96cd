"""What the verbs of ``lading image`` share: a version as the recipe of its images."""
