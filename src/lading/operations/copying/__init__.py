"""How versions, and whole repositories, get from one place to another."""
