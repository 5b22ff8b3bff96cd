"""What ``lading gc`` looks at, decides and removes."""
