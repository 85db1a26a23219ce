# A worker that renders with Debian's Blender. From the root of a clone:
#   docker build -t flamenco-worker -f scripts/containers/worker.Dockerfile .
#   docker run -e FLAMENCO_WORKER_MANAGER_URL=http://farm:8080 -v worker:/data -v /mnt/farm:/farm flamenco-worker
# On NVIDIA cards: --build-arg BASE=nvidia/cuda:12.6.3-runtime-ubuntu24.04, and docker run --gpus all.
ARG BASE=debian:13-slim
FROM ${BASE}
# Which Blender there is, the base says.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends blender ffmpeg python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY pyproject.toml README.md ./
COPY flamenco ./flamenco
COPY jobtypes ./jobtypes
COPY plugins ./plugins
# Which version this is, as git would say: --build-arg VERSION=0.2.0.
ARG VERSION=
RUN python3 -m venv /opt/flamenco \
    && SETUPTOOLS_SCM_PRETEND_VERSION_FOR_FLAMENCO_FARM="$VERSION" \
    /opt/flamenco/bin/pip install --no-cache-dir . \
    && rm -rf /source/*
RUN useradd --uid 10001 --create-home --home-dir /data flamenco
# By its number: what looks whether an image runs as root, as Kubernetes does, knows no names of it.
USER 10001
WORKDIR /data
# Who it is, and what it could not deliver yet: a container without its volume is another worker.
VOLUME /data
ENV PATH=/opt/flamenco/bin:$PATH FLAMENCO_HOME=/data
# Its task goes back to the farm, and Blender ends.
STOPSIGNAL SIGTERM
ENTRYPOINT ["flamenco"]
CMD ["worker"]
