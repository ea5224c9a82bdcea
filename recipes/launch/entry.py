"""What a job runs: a recipe of the checkout that is mounted, with one process for each GPU where it trains.

`hf_jobs.sh` puts the recipe's own header in front of this file, so that the job has what the recipe needs.
"""

import os
import subprocess
import sys

launch = ["-m", "accelerate.commands.launch"] if os.environ.get("DSL_DEBUG_LAUNCH") == "accelerate" else []
sys.exit(subprocess.call([sys.executable, *launch, os.environ["DSL_DEBUG_RECIPE"], *sys.argv[1:]]))
