"""Images that run a model: what goes into one, the Dockerfile that says so, and who builds it.

``packages``, ``recipe``, ``render`` and ``failures`` are pure; ``context`` is what a builder is
sent, and ``engine`` speaks to Docker or Podman. Nothing here knows registries or versions.

``base`` and ``assembly`` are pure: what an image is, and the image that has a model's layers on top
of it. ``layers`` and ``installed`` read the packages in an image without running anything.
"""
