"""Documents that run a version: for Kubernetes, KServe, Compose, Podman. Data in, data out.

Nothing here asks a registry or a cluster. Whoever calls hands in what is known of a version
(``pins``) and what is wanted (``wish``); what comes out are plain values in the order in which they
are written. Everything in them is named by digest; ``lint`` holds that.
"""
