# The page, with all bundled weights, on a processor: docker build -t colorhub . && docker run -p 7860:7860 colorhub
# With a read-only root: docker run --read-only --tmpfs /tmp -v colorhub:/data -p 7860:7860 colorhub
FROM python:3.11-slim

# Where torch comes from: this index holds it without CUDA. For graphics cards: --build-arg TORCH_INDEX=.../whl/cu130
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --uid 10001 --create-home colorhub && mkdir /data && chown colorhub /data

WORKDIR /app
COPY requirements.txt ./
RUN pip install --index-url "$TORCH_INDEX" "torch>=2.8" "torchvision>=0.23" && pip install -r requirements.txt
COPY pyproject.toml README.md LICENSE app.py ./
COPY colorhub ./colorhub
COPY model_cards ./model_cards
RUN pip install --no-deps -e .

USER 10001
# /data is for a volume: studies, their votes, and weights of other authors that were fetched.
ENV COLORHUB_CONTAINER=1 COLORHUB_STUDIES=/data/studies HF_HOME=/data/huggingface \
    GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + os.environ['GRADIO_SERVER_PORT'], timeout=5)"]
CMD ["python", "app.py"]
