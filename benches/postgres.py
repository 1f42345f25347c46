"""PostgreSQL servers for the service: private, in temporary folders, as they come, with commits that wait for the disk."""

import glob
import os
import shutil
import signal
import subprocess
import sys

from meters import cpu_seconds
from processes import GLASSPOST, free_port, wait_until, work_folder
from service import Instance

# The base64 of 32 bytes.
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
# Where Debian keeps its versions.
VERSIONS = "/usr/lib/postgresql/*/bin"
SESSIONS_MAX = 200


class Postgres:
    """A server, until its block ends."""

    def __init__(self):
        self.databases = 0

    def __enter__(self):
        self.folder = work_folder()
        data = os.path.join(self.folder.name, "data")
        os.mkdir(data)
        if os.geteuid() == 0:
            # It does not run as root, and still has to get in here.
            os.chmod(self.folder.name, 0o755)
            shutil.chown(data, "postgres", "postgres")
        subprocess.run([program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                        "--no-instructions"], check=True, stdout=subprocess.DEVNULL, **its_user())
        self.port = free_port()
        with open(os.path.join(self.folder.name, "postgres.txt"), "w") as output:
            self.process = subprocess.Popen(
                [program("postgres"), "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}",
                 "-c", "unix_socket_directories=", "-c", f"max_connections={SESSIONS_MAX}"],
                stdout=output, stderr=subprocess.STDOUT, **its_user())
        if not wait_until(self.is_ready, 30):
            sys.exit("PostgreSQL does not start")
        return self

    def __exit__(self, *_):
        # A fast stop: it ends its sessions itself.
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.folder.cleanup()

    def is_ready(self):
        asked = [program("pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={self.port}"]
        return subprocess.run(asked).returncode == 0

    def database(self):
        """A new database with the schema."""
        self.databases += 1
        database = Database(self, f"mail{self.databases}")
        self.sql(f"CREATE DATABASE {database.name}")
        subprocess.run([GLASSPOST, "migrate", "--store", database.address], check=True, stdout=subprocess.DEVNULL)
        # What was left to write of others is not this one's.
        self.sql("CHECKPOINT")
        return database

    def sql(self, statement, database="postgres"):
        """What a statement gives: a list of rows, each a list of texts."""
        command = [program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, self.address(database)]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return [line.split("|") for line in answer.stdout.splitlines()]

    def address(self, database):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def cpu_seconds(self):
        """The processor time of all its processes until now."""
        return cpu_seconds(self.process.pid)

    def log_bytes(self):
        """What was written to its log until now."""
        (number,), = self.sql("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
        return int(number)


class Database:
    """One of a server's databases."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.address = server.address(name)

    def sql(self, statement):
        return self.server.sql(statement, self.name)

    def instance(self, roles="api,worker,smtp", **variables):
        """A process of the service on it."""
        return Instance(GLASSPOST_STORE=self.address, GLASSPOST_ROLES=roles, MAIL_PROXY_ENCRYPTION_KEY=KEY, **variables)

    def bytes_by_table(self):
        """What each table takes with its indexes, the parts of the events together."""
        rows = self.sql(
            "SELECT regexp_replace(relname, '_(\\d{4}_\\d{2}|other)$', ''), sum(pg_total_relation_size(oid)) "
            "FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
            "GROUP BY 1 ORDER BY 2 DESC")
        return {name: int(size) for name, size in rows}

    def drop(self):
        self.server.sql(f"DROP DATABASE {self.name} WITH (FORCE)")


def program(name):
    """One of its programs: the newest of Debian's, or whichever is on the path."""
    folders = sorted(glob.glob(VERSIONS), key=lambda folder: float(folder.split("/")[-2]))
    found = shutil.which(name, path=os.pathsep.join([*reversed(folders), os.environ["PATH"]]))
    return found or sys.exit(f"PostgreSQL's {name} is not installed: scripts/install-test-parts.sh")


def its_user():
    """As whom it runs."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
