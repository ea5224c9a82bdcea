# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "accelerate==1.15.0",
#     "datasets==5.2.0",
#     "jinja2==3.1.6",
#     "torch==2.13.0",
#     "transformers==5.23.0",
#     "trl==1.16.0",
# ]
#
# [tool.hf-jobs]
# flavor = "h200x2"
# timeout = "6h"
# secrets = ["HF_TOKEN"]
# ///
"""Supervised fine-tuning on recorded episodes: what the assistant says in them, calls included.

    accelerate launch recipes/sft.py                                           # 7B, on 2xA100
    accelerate launch recipes/sft.py --config recipes/configs/smoke_sft.yaml --start MODEL --data TRACES

`--data` is a dataset with a config `sft`, or the traces of an evaluation: what solved a problem there is
learned. The same command again goes on with a run that was stopped. Settings: recipes/README.md.
"""

import sys
from pathlib import Path
from typing import Any

# Started as a file, Python looks for modules in recipes/ only.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recipes.common.arguments import SftArguments, parse, refusing
from recipes.common.preflight import chat_tokenizer, check_machine, check_run


def main(arguments: SftArguments, config: Any) -> None:
    """Train, or go on training. Raises BadArguments."""
    check_run(arguments, config)
    from trl.trainer.sft_trainer import SFTTrainer

    from recipes.common.finish import callbacks, run_to_the_end
    from recipes.common.rows import fitting, lesson_rows
    from recipes.common.run_record import begin, is_finished

    rows = lesson_rows(arguments)
    record = begin("sft", arguments, config, rows.facts)
    if is_finished(record.folder):
        print(f"{record.folder} is finished: nothing is left to do")
        return
    tokenizer = chat_tokenizer(arguments.start)
    dataset, too_long = fitting(rows.dataset, tokenizer, config.max_length)
    if too_long:
        print(f"{too_long} of {len(rows.dataset)} conversations are longer than max_length and left out")
    trainer = SFTTrainer(
        model=arguments.start,
        args=config,
        train_dataset=dataset,
        processing_class=tokenizer,
        callbacks=callbacks(record, config),
    )
    run_to_the_end(trainer, record.folder)


if __name__ == "__main__":
    with refusing("sft"):
        main(*parse(SftArguments, "SFTConfig", "sft_7b.yaml", check=check_machine))
