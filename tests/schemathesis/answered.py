"""Says how many operations were answered well: a refusal is easily as the document says, and shows little."""

import json
import sys

# Some need what others took away a moment before.
PART_NEEDED = 0.9


def main(document_path, answered_path):
    with open(document_path, encoding="utf-8") as file:
        paths = json.load(file)["paths"]
    with open(answered_path, encoding="utf-8") as file:
        answered = set(file.read().split("\n"))
    operations = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    missing = sorted(operations - answered)
    print(f"{len(operations) - len(missing)} of {len(operations)} operations were answered well")
    if missing:
        print("only refused: " + ", ".join(missing))
    if len(missing) > len(operations) * (1 - PART_NEEDED):
        sys.exit("those are too many")


main(*sys.argv[1:])
