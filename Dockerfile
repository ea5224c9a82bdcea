# One image for training and evaluation on machines with NVIDIA GPUs: the recipes, TRL, vLLM and lm-eval.
#
#   docker build --tag USER/dsl-debug .
#   docker run --gpus all --ipc host --env HF_TOKEN --volume dsl-debug:/data USER/dsl-debug \
#       accelerate launch recipes/grpo_sft_rl.py --output_dir /data/runs/grpo_sft_rl_7b
#
# PyTorch and vLLM bring the CUDA libraries that they are built for; the machine brings the driver: one for CUDA 13,
# for vLLM 0.31. The server image for the environments is another one, in servers/.
FROM python:3.11-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends libseccomp2 openssh-client rsync \
    && rm -rf /var/lib/apt/lists/*

# vLLM's sampler would otherwise be compiled on the spot, with a compiler for CUDA that is not here.
ENV PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/data/huggingface \
    VLLM_USE_FLASHINFER_SAMPLER=0

WORKDIR /opt/dsl-debug

# What changes seldom comes first: a change of our code does not install all of this again. The versions are those on
# top of the recipes: TRL 1.16 takes vLLM up to 0.31, and that one a transformers below 5.18, for SFT as well here.
COPY pyproject.toml README.md LICENSE ./
RUN mkdir dsl_debug && touch dsl_debug/__init__.py \
    && pip install ".[eval,sandbox,train]" \
        accelerate==1.15.0 \
        datasets==5.2.0 \
        evaluate==0.4.6 \
        jinja2==3.1.6 \
        "lm-eval[hf]==0.4.13" \
        matplotlib==3.11.2 \
        pyseccomp==0.1.2 \
        torch==2.13.0 \
        transformers==5.17.0 \
        trl==1.16.0 \
        vllm==0.31.0 \
    && pip uninstall --yes dsl-debug && rm -r dsl_debug

COPY dsl_debug dsl_debug
RUN pip install --no-deps --editable .
COPY model_cards model_cards
COPY recipes recipes

VOLUME /data
CMD ["bash"]
