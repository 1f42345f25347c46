"""Reads composed messages back with Python's own email package and compares them to what was meant.

Called with a folder of pairs: NAME.eml, a message as it goes on the wire, and NAME.json, what was meant by it.
Prints each difference, and at the end how many messages were compared.
"""

import email
import email.policy
import json
import pathlib
import re
import sys
from email import errors
from email.header import decode_header, make_header
from email.utils import getaddresses
from urllib.parse import unquote

LINE_BYTES_MAX = 998
# An address in UTF-8 is written as it is (RFC 6532), which this parser notes without being asked to.
UTF8_ADDRESS_DEFECTS = (errors.NonASCIILocalPartDefect, errors.UndecodableBytesDefect)


def wire_faults(raw):
    """What may never be on the wire, whatever the message says."""
    if not raw.endswith(b"\r\n"):
        yield "does not end with CRLF"
    if re.search(rb"\r(?!\n)|(?<!\r)\n", raw):
        yield "bare CR or LF"
    if b"\0" in raw:
        yield "NUL"
    if max(map(len, raw.split(b"\r\n"))) > LINE_BYTES_MAX:
        yield "line over 998"


def as_text(value):
    """A header's text; raw UTF-8 (RFC 6532) comes as surrogates."""
    return str(value).encode("utf-8", "surrogateescape").decode("utf-8")


def decoded(text):
    return str(make_header(decode_header(text)))


def mailboxes(raw_message, message, name):
    """Names and addresses of a header.

    The modern parser says who is in it. For the names the older functions are asked: the modern parser of Python 3.11
    puts spaces between the encoded words of a name, which RFC 2047 section 6.2 forbids.
    """
    if name not in message:
        return []
    addresses = [as_text(address.addr_spec) for address in message[name].addresses]
    raw = dict(raw_message.raw_items())[name]
    line = as_text(re.sub(r"\r?\n(?=[ \t])", "", raw))
    pairs = getaddresses([line])
    if [address for _, address in pairs] != addresses:
        return [["the parsers disagree", line]]
    return [[decoded(name), address] for name, address in pairs]


def links(value):
    return [unquote(link) for link in re.findall("<([^>]*)>", str(value))]


def canonical(text):
    """A body's text as it is meant: LF after every line, the last included."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"


def body_text(part):
    return part.get_payload(decode=True).decode("utf-8").replace("\r\n", "\n")


def shape(part):
    if part.is_multipart():
        return [part.get_content_type(), [shape(child) for child in part.get_payload()]]
    return part.get_content_type()


def leaves(message):
    return [part for part in message.walk() if not part.is_multipart()]


def compare(meant, raw):
    yield from wire_faults(raw)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    raw_message = email.message_from_bytes(raw, policy=email.policy.compat32)
    found = {"names": [name for name in message.keys()]}
    for name in ("From", "To", "Cc", "Reply-To"):
        found[name] = mailboxes(raw_message, message, name)
    found["Subject"] = as_text(message["Subject"])
    found["Date"] = message["Date"].datetime.isoformat()
    found["Message-ID"] = str(message["Message-ID"])
    found["List-Unsubscribe"] = links(message.get("List-Unsubscribe", ""))
    meant["List-Unsubscribe"] = [unquote(link) for link in meant["List-Unsubscribe"]]
    found["List-Unsubscribe-Post"] = str(message.get("List-Unsubscribe-Post", ""))
    found["custom"] = [as_text(message[name]) for name, _ in meant["custom"]]
    meant["custom"] = [value for _, value in meant["custom"]]
    found["shape"] = shape(message)
    parts = leaves(message)
    count = len(meant["bodies"])
    found["bodies"] = [body_text(part) for part in parts[:count]]
    meant["bodies"] = [canonical(text) for text in meant["bodies"]]
    found["attachments"] = [
        [part.get_filename(), list(part.get_payload(decode=True))]
        for part in parts[count:]
    ]
    # get_filename() trims.
    meant["attachments"] = [[name.strip(), data] for name, data in meant["attachments"]]
    for key in meant:
        if found[key] != meant[key]:
            yield f"{key}:\n  meant {meant[key]!r}\n  found {found[key]!r}"
    for part in message.walk():
        for defect in part.defects:
            yield f"defect {defect!r}"
    for name, value in message.items():
        for defect in value.defects:
            if not isinstance(defect, UTF8_ADDRESS_DEFECTS):
                yield f"defect in {name}: {defect!r}"


def main(folder):
    faults = 0
    compared = 0
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        meant = json.loads(path.read_text(encoding="utf-8"))
        for fault in compare(meant, path.with_suffix(".eml").read_bytes()):
            print(f"{path.stem}: {fault}")
            faults += 1
        compared += 1
    print(f"compared {compared}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
