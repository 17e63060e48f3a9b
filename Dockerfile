# The web server. `make image` builds it with Docker; `make image-test` builds it without
# and tests it.

# On its own line, since Dependabot only updates the digest of an image in a FROM.
# --build-arg BASE=... selects another base image.
ARG BASE=pinned
FROM python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285 AS pinned

FROM ${BASE} AS build
WORKDIR /app
# hadolint ignore=DL3059
RUN python3 -m venv /venv
COPY requirements/web.txt requirements/web.txt
# A custom package index or certificate is passed as a secret, which stays in no layer.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    /venv/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check \
        --require-hashes --no-deps --only-binary :all: --requirement requirements/web.txt \
    && /venv/bin/pip uninstall --quiet --yes pip
COPY . .
# collectstatic needs these settings, but neither signs anything nor calls AWS. Bytecode is
# compiled here, since the file system is read-only later; it is not checked against its
# sources, which do not change.
RUN AWS_REGION=us-east-1 SECRET_KEY=collecting \
        /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /venv/bin/python -m infra.slim /venv \
    && rm -rf infra requirements \
    && find . /venv -name __pycache__ -prune -exec rm -rf {} + \
    && /venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app /venv/lib

FROM ${BASE}
# A fixed user id, so that volumes can be given to it. pip is removed, since only an
# intruder would use it.
RUN groupadd --gid 10001 web \
    && useradd --uid 10001 --gid web --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin web \
    && rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
ARG COMMIT=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="Smart Budget Planner" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision=${COMMIT} \
      org.opencontainers.image.version=${VERSION}
USER 10001:10001
EXPOSE 8000
# No HEALTHCHECK: Elastic Beanstalk ignores it, and the load balancer requests /health. Only
# /tmp (for uploads above 2.5 MB) and /dev/shm need to be writable. In this form, gunicorn is
# the first process and receives signals.
CMD ["gunicorn", "--config", "python:smartbudget.gunicorn_conf", "smartbudget.wsgi:application"]
