"""Ids that exist, for schemathesis: with random ones alone every path would end at "not found".

LASTMILE_FUZZ_IDS names a JSON file: {"customers": ["01…", …], …}, by the part of the path before `{id}`. Half of the
requests get one of them, the others keep what was made up.
"""

import json
import os

import schemathesis

with open(os.environ["LASTMILE_FUZZ_IDS"], encoding="utf-8") as file:
    KNOWN = json.load(file)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if not path_parameters or "id" not in path_parameters:
        return path_parameters
    before = context.operation.path.split("/{id}")[0].rsplit("/", 1)[-1]
    known = KNOWN.get(before) or []
    made_up = str(path_parameters["id"])
    if known and len(made_up) % 2 == 0:
        path_parameters["id"] = known[sum(made_up.encode()) % len(known)]
    return path_parameters
