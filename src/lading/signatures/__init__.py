"""What goes into a model and what comes out: found in data, converted, compared, kept as examples.

``infer`` finds a signature in data (``from_pandas``, ``from_polars``, ``from_arrow``,
``from_arrays`` and ``from_values`` each know one kind of it). ``forms`` and ``scalars`` say how a
value is written as JSON; ``json_schema`` says the same as a JSON Schema, ``validate`` checks it.
``layouts`` brings live objects into that form, ``example`` keeps them as files, ``restore`` makes
objects of them again. ``mlflow`` and ``inference_protocol`` speak other tools' words;
``compatible`` finds what would break. Nothing is imported here, and no framework anywhere but in
``restore``: live objects are told by the module of their class.
"""
