# A model in TensorFlow, or in Keras on TensorFlow.
#
#   lading image build REF --target base|train|runtime|serve|all
#   lading image dockerfile REF                    prints this, filled in
#   lading image dockerfile REF --context DIR      writes it with all that it copies, so that
#   docker build --target serve DIR                does the same without Lading
#
# Packages are installed in stages that are thrown away, and copied: no compiler, no pip's cache
# and no index's password is in an image. Only instructions that the classic builder knows, too.
ARG BASE=docker.io/library/python:3.13-slim

# What loading the model needs, chosen by pip among what the lock pins, and held against its hashes.
FROM ${BASE} AS packages-base
ARG PYTHON=3.13
ARG SOURCE_DATE_EPOCH=315532800
ENV PIP_CONFIG_FILE=/opt/lading/pip.conf PYTHONDONTWRITEBYTECODE=1
COPY lading/steps.py /opt/lading/
RUN python3 /opt/lading/steps.py python ${PYTHON}
COPY lading/pip.conf lading/packages/ /opt/lading/
RUN SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} python3 /opt/lading/steps.py base

# Python, and what training and serving share.
FROM ${BASE} AS shared
# lading: system
COPY --from=packages-base /opt/model /opt/model
ENV PATH=/opt/model/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
# Warnings and errors only; the model takes no card's memory before it needs it.
ENV TF_CPP_MIN_LOG_LEVEL=1 TF_FORCE_GPU_ALLOW_GROWTH=true KERAS_HOME=/tmp/keras
# TensorFlow is not imported without a folder to write to; this one is there with --read-only, too.
ENV TMPDIR=/dev/shm
USER 65532:65532
CMD ["python"]

# lading: begin base
# base: that, and its name.
FROM shared AS base
# lading: labels base
# lading: end base

# lading: begin runtime
# The server, in the versions that this Lading runs with, beside what the lock pins.
FROM packages-base AS packages-runtime
ARG SOURCE_DATE_EPOCH=315532800
COPY lading/runtime/ /opt/lading/
RUN SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} python3 /opt/lading/steps.py runtime

# runtime: answers requests with the model in /models, which is mounted there, or comes with an
# image on top: lading image assemble. Runs as nobody, and needs to write nowhere.
FROM shared AS runtime
COPY --from=packages-runtime /opt/added /opt/model
ENV LADING_HOME=/tmp/lading LADING_CACHE=/tmp/lading-cache
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/v2/health/ready', timeout=4)"]
ENTRYPOINT ["lading"]
# lading: command
# lading: labels runtime
# lading: end runtime

# lading: begin serve
# serve: that, and the model.
FROM runtime AS serve
COPY model/ /models/
# lading: identity
# lading: labels serve
# A model that cannot be loaded fails here, and not where it is to run.
# lading: loads
# lading: end serve

# lading: begin train
# What only training needs: everything in the lock.
FROM packages-base AS packages-train
ARG SOURCE_DATE_EPOCH=315532800
RUN SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} python3 /opt/lading/steps.py train

# train: trains it again.
FROM shared AS train
COPY --from=packages-train /opt/added /opt/model
# lading: labels train
# lading: end train
