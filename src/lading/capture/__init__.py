"""What a person would forget to say about a model: read from what lies around it.

``environment`` puts interpreter, platform, accelerator and a lock together (``lock/`` reads and
writes every kind of lock), ``code`` tells the source by ``git``, ``run/`` finds what experiment
trackers recorded, ``session`` which script is running. ``compare`` holds a recorded environment
against the one that runs. What cannot be read becomes a note; what a person says wins over what is
captured, and that is decided elsewhere.
"""
