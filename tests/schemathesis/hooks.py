"""What the runs need beside the document: addresses to come from, and a list of what was answered well."""

import atexit
import itertools
import os

import schemathesis
from urllib3.connection import HTTPConnection

# The service bars an address for a minute after ten wrong tokens, and wrong tokens are what the check `ignored_auth`
# tries on every route: from one address, it would only ever see the bar. So each connection comes from another.
ADDRESSES = itertools.cycle(f"127.{a}.{b}.{c}" for a in range(1, 5) for b in range(250) for c in range(1, 250))
connect = HTTPConnection._new_conn


def connect_from_elsewhere(connection):
    connection.source_address = (next(ADDRESSES), 0)
    return connect(connection)


HTTPConnection._new_conn = connect_from_elsewhere

# Operations whose answer was checked against its schema.
answered = set()


@schemathesis.hook
def after_call(context, case, response):
    if response.status_code == 200:
        answered.add(case.operation.label)


@atexit.register
def write_down():
    with open(os.environ["ANSWERED"], "a", encoding="utf-8") as file:
        file.writelines(f"{label}\n" for label in sorted(answered))
