"""What a push finds out, is told and puts: everything between a folder and its version."""
