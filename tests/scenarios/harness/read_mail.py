"""Prints one JSON line for each message in the Maildirs below a folder, as Python's `email` reads it."""

import email
import email.policy
import json
import pathlib
import sys


def main(folder):
    for path in sorted(pathlib.Path(folder).glob("*/new/*")):
        print(json.dumps(letter(path.read_bytes())))


def letter(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    # From bytes the package takes UTF-8 in a header (RFC 6532) for a defect; from text it reads it.
    header_lines = raw.split(b"\n\n", 1)[0].decode("utf-8")
    head = email.message_from_string(header_lines, policy=email.policy.default)
    return {
        "return_path": str(head["Return-Path"]),
        "delivered_to": str(head["Delivered-To"]),
        "headers": headers(head),
        "from": addresses(head, "From"),
        "to": addresses(head, "To"),
        "cc": addresses(head, "Cc"),
        "date": head["Date"].datetime.timestamp(),
        "shape": shape(message),
        "bodies": bodies(message),
        "attachments": [attached(part) for part in message.walk() if part.get_filename()],
        "defects": list(defects(head, message)),
    }


def headers(message):
    found = {}
    for name, value in message.items():
        found.setdefault(name.lower(), []).append(str(value))
    return found


def addresses(message, name):
    fields = message.get_all(name, [])
    return [[a.display_name, a.addr_spec] for field in fields for a in field.addresses]


def shape(part):
    if not part.is_multipart():
        return part.get_content_type()
    inner = " ".join(shape(child) for child in part.iter_parts())
    return f"{part.get_content_type()}({inner})"


def bodies(message):
    inline = [part for part in message.walk() if not part.is_multipart() and not part.get_filename()]
    return {part.get_content_type(): text(part.get_content()) for part in inline}


def text(content):
    return content.replace("\r\n", "\n")


def attached(part):
    return {
        "name": part.get_filename(),
        "type": part.get_content_type(),
        "hex": part.get_payload(decode=True).hex(),
    }


def defects(head, message):
    yield from (repr(defect) for part in message.walk() for defect in part.defects)
    inner = [part for part in message.walk() if part is not message]
    for part in [head, *inner]:
        for name, value in part.items():
            yield from (f"{name}: {defect!r}" for defect in value.defects)


main(sys.argv[1])
