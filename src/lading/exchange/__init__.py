"""Other tools' shapes, in and out: doors for programs written for oras-py, MLflow or Hopsworks.

Each module speaks one tool's words and calls the verbs; none decides how anything is stored.
"""
