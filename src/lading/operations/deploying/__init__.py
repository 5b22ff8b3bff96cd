"""What the verbs of ``lading deploy`` share: a reference as digests, and folders of documents."""
