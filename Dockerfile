# One image for the API, the worker, the scheduler and the relay: `docker run photogram api` starts that line of the
# Procfile. Equal sources make an equal image: `docker build --build-arg SOURCE_DATE_EPOCH=$(git log -1 --pretty=%ct) .`
FROM python:3.11.14-slim-trixie AS base
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
WORKDIR /app

FROM base AS build
# With it set, Python's compiled files hold hashes in the place of times.
ARG SOURCE_DATE_EPOCH=0
ENV SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH
# For pdqhash. Its library, libstdc++, is in the base image.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /venv
COPY requirements/prod.txt requirements/prod.txt
# Wheels, except for two packages that have none for Linux.
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --no-binary http-ece,pdqhash \
    --require-hashes -r requirements/prod.txt
COPY . .
RUN config/deploy/with-placeholders python manage.py collectstatic --noinput \
    && python -m compileall -q apps config

FROM base AS app
# Media workers, which start the image decoder, run as a user of their own.
RUN groupadd --gid 10001 photogram \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin photogram \
    && useradd --uid 10002 --gid 10001 --no-create-home --shell /usr/sbin/nologin media
COPY --from=build /venv /venv
COPY --from=build /app /app
USER 10001:10001
EXPOSE 8000
# The API's; the other processes tell of themselves by their heartbeats in /health/ready.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "config/deploy/healthcheck.py"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/app/config/deploy/start"]
CMD ["api"]

# The same with PostgreSQL's own tools beside it, for `manage.py backup` and `manage.py restore`.
FROM app AS tools
USER root
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install --yes --no-install-recommends postgresql-client-18 \
    && rm -rf /var/lib/apt/lists/*
USER 10001:10001

FROM app
