"""What goes into a bundle beside versions, and what is in one."""
