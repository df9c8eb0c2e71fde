"""A real Postfix of our own on loopback, with a queue of its own; it is stopped when we are done.

apt-get install --no-install-recommends postfix opendkim      # as root, who alone may start it
"""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

MAIN = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.relay.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = {home}/mail.log
maillog_file_prefixes = {home}
alias_maps =
message_size_limit = 20000
smtputf8_enable = yes
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {home}/cert.pem
smtpd_tls_key_file = {home}/key.pem
smtpd_recipient_restrictions = check_recipient_access inline:{{ {access} }}, permit_mynetworks
transport_maps = inline:{{ {transport} }}
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
maximal_queue_lifetime = 3s
bounce_queue_lifetime = 3s
delay_warning_time = 1s
"""
MASTER = """
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing() -> str:
    """What is not here; empty if all is."""
    return ", ".join(name for name in ("postfix", "opendkim", "openssl") if not shutil.which(name))


@contextmanager
def running(access: Mapping[str, str], transport: Mapping[str, str]) -> Iterator[tuple[int, Path]]:
    """The port it listens on, and its certificate.

    ``access`` says what a recipient is answered, ``transport`` what becomes of a domain's mail.
    """
    with tempfile.TemporaryDirectory(prefix="postfix-") as folder:
        home, port = Path(folder), _free_port()
        home.chmod(0o755)
        for name in ("etc", "queue", "data"):
            (home / name).mkdir()
        shutil.chown(home / "data", "postfix")
        filled = MAIN.format(home=home, access=_inline(access), transport=_inline(transport))
        (home / "etc/main.cf").write_text(filled, "utf-8")
        (home / "etc/master.cf").write_text(MASTER.format(port=port), "utf-8")
        make = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
        where = ("-keyout", str(home / "key.pem"), "-out", str(home / "cert.pem"))
        run(*make, *where, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
        run("postfix", "-c", str(home / "etc"), "start")
        try:
            yield port, home / "cert.pem"
        finally:
            run("postfix", "-c", str(home / "etc"), "stop")


def run(*command: str) -> None:
    """Run it with nobody listening: a daemon would keep our pipe open for as long as it lives."""
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=60
        )
        said.seek(0)
        assert done.returncode == 0, said.read().decode(errors="replace")


def _inline(table: Mapping[str, str]) -> str:
    return ", ".join(f"{{ {key} = {value} }}" for key, value in table.items())


def _free_port() -> int:
    with closing(socket.socket()) as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port
