"""Prints one JSON line for each message in the Maildirs below a folder, or in its files, as Python's `email` reads it."""

import email
import email.errors
import email.policy
import functools
import json
import pathlib
import sys

# An address beyond ASCII is what RFC 6531 is for.
NO_DEFECT = email.errors.NonASCIILocalPartDefect

# Parsing fields takes nearly all of the time, and copies of a message have the same ones: each is parsed once.
POLICY = email.policy.default.clone(header_factory=functools.cache(email.policy.default.header_factory))


def main(folder):
    folder = pathlib.Path(folder)
    for path in sorted([*folder.glob("*/new/*"), *folder.glob("*.eml")]):
        print(json.dumps(letter(path.read_bytes(), path.stat().st_mtime)))


def letter(raw, arrived):
    raw = raw.replace(b"\r\n", b"\n")
    # From bytes the package takes UTF-8 in a header (RFC 6532) for a defect; from text it reads it.
    head = email.message_from_string(raw.split(b"\n\n", 1)[0].decode("utf-8"), policy=POLICY)
    fields = head.items()
    message = email.message_from_bytes(raw, policy=POLICY)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    files = [part for part in leaves if part.get_filename()]
    return {
        "return_path": first(fields, "return-path"),
        "delivered_to": first(fields, "delivered-to"),
        "headers": headers(fields),
        "from": addresses(fields, "from"),
        "to": addresses(fields, "to"),
        "cc": addresses(fields, "cc"),
        "age_s": arrived - dict(fields)["Date"].datetime.timestamp(),
        "shape": shape(message),
        "bodies": {part.get_content_type(): text(part) for part in leaves if part not in files},
        "attachments": [attached(part) for part in files],
        "defects": list(defects(fields, message)),
    }


def first(fields, wanted):
    """What a delivery adds is empty where none was made."""
    return next((str(value) for name, value in fields if name.lower() == wanted), "")


def headers(fields):
    found = {}
    for name, value in fields:
        found.setdefault(name.lower(), []).append(str(value))
    return found


def addresses(fields, wanted):
    values = [value for name, value in fields if name.lower() == wanted]
    return [[a.display_name, a.addr_spec] for value in values for a in value.addresses]


def shape(part):
    if not part.is_multipart():
        return part.get_content_type()
    inner = " ".join(shape(child) for child in part.iter_parts())
    return f"{part.get_content_type()}({inner})"


def text(part):
    return part.get_content().replace("\r\n", "\n")


def attached(part):
    return {
        "name": part.get_filename(),
        "type": part.get_content_type(),
        "hex": part.get_payload(decode=True).hex(),
    }


def defects(fields, message):
    yield from (repr(defect) for part in message.walk() for defect in part.defects)
    inner = [part for part in message.walk() if part is not message]
    for name, value in [*fields, *(field for part in inner for field in part.items())]:
        for defect in value.defects:
            if not isinstance(defect, NO_DEFECT):
                yield f"{name}: {defect!r}"


main(sys.argv[1])
