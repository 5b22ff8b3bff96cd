"""The verbs, one file each: open stores, call workshops, return values. No printing."""
