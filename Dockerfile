# The web server. `make image` builds it with Docker, `make image-test` without, and runs it.

# Pinned, and a line of its own, since Dependabot raises the digest only of what a FROM names.
# Another base comes with --build-arg BASE=...
ARG BASE=pinned
FROM python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285 AS pinned

FROM ${BASE} AS build
WORKDIR /app
# hadolint ignore=DL3059
RUN python3 -m venv /venv
COPY requirements/web.txt requirements/web.txt
# Where a package index or a certificate of one's own is needed, they come as secrets, of
# which nothing stays in any layer.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    /venv/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check \
        --require-hashes --no-deps --only-binary :all: --requirement requirements/web.txt \
    && /venv/bin/pip uninstall --quiet --yes pip
COPY . .
# Collecting reads the settings; it neither signs anything nor calls AWS. Bytecode is made
# now, since nothing can be written later; unchecked, since its sources do not change.
RUN AWS_REGION=us-east-1 SECRET_KEY=collecting \
        /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /venv/bin/python -m infra.slim /venv \
    && rm -rf infra requirements \
    && find . /venv -name __pycache__ -prune -exec rm -rf {} + \
    && /venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app /venv/lib

FROM ${BASE}
# A number of its own, so that a volume's owner can be named; and the base's installer,
# which would be of use only to an intruder, goes.
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
# No HEALTHCHECK: Elastic Beanstalk does not look at it; the load balancer asks /health.
# Of the file system only /tmp need be writable (uploads above 2.5 MB wait there), and
# /dev/shm. In this form gunicorn is the first process and gets the signals itself.
CMD ["gunicorn", "--config", "python:smartbudget.gunicorn_conf", "smartbudget.wsgi:application"]
