# The manager. From the root of a clone:
#   docker build -t flamenco-manager -f scripts/containers/manager.Dockerfile .
#   docker run -p 8080:8080 -e FLAMENCO_ACCESS_MODE=login -v flamenco:/data -v /mnt/farm:/farm flamenco-manager
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md ./
COPY flamenco ./flamenco
COPY jobtypes ./jobtypes
COPY plugins ./plugins
# Which version this is, as git would say: --build-arg VERSION=0.2.0.
ARG VERSION=
RUN python -m venv /opt/flamenco \
    && SETUPTOOLS_SCM_PRETEND_VERSION_FOR_FLAMENCO_FARM="$VERSION" \
    /opt/flamenco/bin/pip install --no-cache-dir ".[postgres,prometheus,mqtt,oidc]"

FROM python:3.13-slim
COPY --from=build /opt/flamenco /opt/flamenco
RUN useradd --uid 10001 --create-home --home-dir /data flamenco
# By its number: what looks whether an image runs as root, as Kubernetes does, knows no names of it.
USER 10001
WORKDIR /data
VOLUME /data
# Every other setting by its name as well, such as FLAMENCO_DATABASE or FLAMENCO_ACCESS_MODE: docs/settings.md.
ENV PATH=/opt/flamenco/bin:$PATH FLAMENCO_DATA_DIR=/data FLAMENCO_LISTEN=:8080 FLAMENCO_SHARED_STORAGE_PATH=/farm
EXPOSE 8080
# Whether it answers at all: one that waits for its database or storage is not to be started anew for that.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["flamenco"]
CMD ["manager"]
