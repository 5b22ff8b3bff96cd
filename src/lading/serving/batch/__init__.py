"""Files of rows through a model, in batches: whatever the size of a file, the memory stays.

``formats`` says what a file is; ``csv_rows``, ``json_rows`` and ``parquet_rows`` read it;
``asking`` finds the model's inputs among its columns, ``scoring`` asks the model; ``writers`` and
``parquet_out`` write; ``sinks`` keep on disk what is whole; ``run`` is where they meet. What a row
may be is decided by ``serving.protocol``, as it is for a request. Nothing here knows registries,
and no server is needed.
"""
