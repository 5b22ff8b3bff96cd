"""What verbs that let a model answer share: a version, or a folder, as a model to be asked."""
