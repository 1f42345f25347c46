"""Prints the documents of a manifest, those in a List one by one, with what they share said in each."""

import sys

import yaml


class Plain(yaml.SafeDumper):
    """Says everything again instead of referring to it."""

    def ignore_aliases(self, _):
        return True


def items(path):
    """All resources of a manifest."""
    with open(path) as file:
        for document in yaml.safe_load_all(file):
            yield from document["items"] if document["kind"] == "List" else [document]


if __name__ == "__main__":
    yaml.dump_all(items(sys.argv[1]), sys.stdout, Dumper=Plain, sort_keys=False)
