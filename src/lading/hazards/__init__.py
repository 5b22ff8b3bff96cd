"""What would run when a model is loaded, found by reading and never by loading.

``scan`` walks files; ``content`` decides by their bytes what they are; ``machine`` follows a
pickle's instructions with signs instead of values; ``skops`` reads what a schema has made instead
of a pickle; ``names`` judges what either of them imports, asking ``scanners`` what does harm and
``honest`` what models are known to hold; ``consult`` says what a verdict means for whoever is about
to load. Nothing here runs, imports or unpickles what it reads, and nothing here says that a file is
without risk: ``clean`` means that nothing was found.
"""
