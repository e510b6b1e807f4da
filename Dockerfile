FROM python:3.13-slim-trixie AS build

# A fixed time stamp has Python's compiled files and the wheel come out the same in every build.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    SOURCE_DATE_EPOCH=315532800

RUN python -m venv --without-pip /opt/earshot

WORKDIR /build

# The dependencies change less often than the programs, and so have a layer of their own.
COPY requirements.lock ./
RUN pip --python /opt/earshot install --require-hashes --only-binary :all: --requirement requirements.lock

COPY pyproject.toml README.md ./
COPY earshot earshot
COPY ingest ingest
COPY workers workers
COPY console console
COPY shared shared
RUN pip --python /opt/earshot install --no-deps --no-build-isolation . \
 && pip --python /opt/earshot uninstall --yes setuptools


FROM python:3.13-slim-trixie

RUN groupadd --gid 10001 earshot \
 && useradd --uid 10001 --gid earshot --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin earshot \
 && mkdir --parents --mode=0700 /var/lib/earshot/spool \
 && chown --recursive earshot:earshot /var/lib/earshot

COPY --from=build /opt/earshot /opt/earshot
COPY alerts.toml /etc/earshot/alerts.toml

# HOST: ingest and console listen to other machines, since the proxy and the port are such to them.
# SPOOL_DIR: a volume mounted there begins with the owner and the mode of that directory.
# PYTHONSAFEPATH: nothing is imported from the directory a program is started in.
ENV PATH=/opt/earshot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    HOST=0.0.0.0 \
    SPOOL_DIR=/var/lib/earshot/spool \
    ALERTS_FILE=/etc/earshot/alerts.toml

USER 10001:10001
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
ENTRYPOINT ["earshot"]
CMD ["--help"]
