"""Reads HOCON as an installed nvflare does: each line of stdin is a JSON string with a document, each line of stdout is
{"value": …} or {"error": …}."""

import json
import sys

from nvflare.fuel_opt.utils.pyhocon_loader import PyhoconLoader

for line in sys.stdin:
    try:
        reply = {"value": PyhoconLoader().load_config_from_str(json.loads(line)).to_dict()}
        text = json.dumps(reply, allow_nan=False)
    except BaseException as error:  # pyhocon raises errors of every type
        text = json.dumps({"error": f"{type(error).__name__}: {error}"})
    print(text, flush=True)
