"""The campaign that is sent: a list of recipients, and a letter of four kilobytes with three fields."""

import csv
import os

BODY_BYTES = 4096


def write_list(folder, recipients):
    path = os.path.join(folder, "list.csv")
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "name", "plan"])
        for number in range(recipients):
            rows.writerow([f"user{number}@example{number % 50}.com", f"Name {number}", "pro"])
    return path


def write_letter(folder):
    path = os.path.join(folder, "letter.html")
    with open(path, "w") as file:
        file.write(letter())
    return path


def letter():
    head = "<html><body><h1>Hello {{.name}}</h1>\n<p>Your plan: {{.plan}}</p>\n"
    foot = '<p><a href="https://example.org/leave?who={{.email}}">Leave</a></p></body></html>\n'
    line = "<p>What happened this month, in one paragraph of plain words that fill a line.</p>\n"
    return head + line * ((BODY_BYTES - len(head) - len(foot)) // len(line)) + foot
