# The Lading client as a small image: for CI jobs, init containers and machines without Python.
#
#   docker build -f Dockerfiles/client.Dockerfile -t lading .
#   docker run --rm -v "$PWD:/work" -v lading:/data lading list
#
# The base is an argument, because which one is trusted and how often it is renewed is yours to
# say. The default is a tag, and tags move: pin a digest where builds must repeat.
#
#   docker build --build-arg BASE=docker.io/library/python:3.13-slim-bookworm@sha256:... ...
#
# Only instructions that the classic builder knows, too: no BuildKit is needed.
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS build
# More than the core, for example "[ecr]" for Amazon's registry.
ARG EXTRAS=""
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
COPY schemas ./schemas
COPY Dockerfiles ./Dockerfiles
RUN python3 -m venv /opt/lading \
    && /opt/lading/bin/python -m pip install --no-cache-dir --no-compile ".${EXTRAS}" \
    && /opt/lading/bin/python -m pip uninstall --yes pip \
    && /opt/lading/bin/python -m compileall -q /opt/lading/lib

FROM ${BASE} AS client
# Whoever runs it may choose another user with --user: nothing in the image needs to be written.
# A new volume of Docker's at /models is this user's because the folder is.
RUN mkdir -p /data /work /models && chown 65532:65532 /data /work /models
COPY --from=build /opt/lading /opt/lading
ENV PATH=/opt/lading/bin:$PATH \
    HOME=/data \
    LADING_HOME=/data/lading \
    LADING_CACHE=/data/cache
WORKDIR /work
VOLUME /data
USER 65532:65532
ENTRYPOINT ["lading"]
CMD ["--help"]
