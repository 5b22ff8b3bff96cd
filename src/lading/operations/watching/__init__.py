"""What a watch tells, to whom, and how it goes on."""
