# One image for web server, workers and beat; docker-compose.yml says which is which.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    OMP_NUM_THREADS=1 NEARER_VAR=/var/lib/nearer STATIC_ROOT=/app/static-gathered

RUN useradd --system --uid 1000 --home-dir /var/lib/nearer --create-home nearer
WORKDIR /app

# PyTorch first and from its own CPU builds: PyPI's bring gigabytes of CUDA. `--build-arg TORCH_INDEX=` for those.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements.txt .
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} "$(grep '^torch==' requirements.txt)" \
    && pip install -r requirements.txt

COPY . .
RUN NEARER_VAR=/tmp/build python manage.py collectstatic --noinput --verbosity 0 && rm -rf /tmp/build

USER nearer
VOLUME /var/lib/nearer
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=12s --start-period=30s CMD ["python", "config/services/probe.py", "healthz"]
CMD ["python", "-m", "granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--blocking-threads", "4", "--no-ws", "--respawn-failed-workers", "--workers-kill-timeout", "10", "config.wsgi:application"]
