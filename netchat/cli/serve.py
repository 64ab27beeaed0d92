"""`netchat serve`: run the chat server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netchat.chat.effects import Log
from netchat.chat.log_limit import LogLimit
from netchat.chat.server_log import LogLevel, ServerLog
from netchat.chat.settings import Accounts, Registration, Settings
from netchat.cli.console import console
from netchat.cli.params.duration import DURATION
from netchat.cli.params.number import FiniteRange
from netchat.cli.params.size import SIZE
from netchat.cli.serve_metrics import check_metrics
from netchat.cli.serve_page import (
    LOCAL_PROXIES,
    Network,
    Page,
    check_codes,
    check_host,
    check_origins,
    check_proxies,
)
from netchat.cli.serve_run import Joining, ServePlan
from netchat.net.address import parse_address, show_address
from netchat.net.event_loop import run
from netchat.net.rlimit import raise_rlimit
from netchat.web import METRICS_PORT, WEB_PORT
from netchat.web.local_addresses import is_loopback
from netchat.wire import DEFAULT_PORT

if TYPE_CHECKING:
    from netchat.net.cluster.redis_url import RedisURL
    from netchat.net.tls.server import TlsServer

__all__ = ["serve"]


def _check_cluster(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> RedisURL | None:
    if value is None:
        return None
    from netchat.net.cluster.redis_url import parse_redis_url

    try:
        return parse_redis_url(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _check_cluster_name(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value == param.default:
        return value  # most servers have no cluster, and start faster without its modules
    from netchat.net.cluster.keys import Keys

    try:
        Keys(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error
    return value


def _check_advertise(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return show_address(*parse_address(value, DEFAULT_PORT))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _check_advertise_page(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    return check_origins(ctx, param, (value,))[0] if value else value


_DEFAULTS = Settings()

_UNSAFE = (
    "Connections from other machines are not encrypted: clients there refuse to send passwords unless "
    "started with --insecure-password."
)

#: Open files besides the users' connections, including half-open connections.
_OTHER_FILES = 1100


@click.command(short_help="Run a chat server.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, callback=check_host,
    help="Address to listen on.",
)  # fmt: skip
@click.option("--lan", is_flag=True, help="Listen on every address of this machine.")
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535),
    help="TCP port; 0 takes a free one.",
)  # fmt: skip
@click.option("--udp", is_flag=True, help="Also accept links over UDP, on the same port number.")
@click.option(
    "--tls", is_flag=False, flag_value="optional", default="off", show_default=True,
    type=click.Choice(["off", "optional", "required"]),
    help="Accept TLS 1.3 on the same ports, with a certificate that is created on first use. --tls alone "
    "means optional; required refuses plaintext.",
)  # fmt: skip
@click.option(
    "--tls-cert", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Certificate to use instead, in PEM, followed by those of intermediate CAs.",
)  # fmt: skip
@click.option(
    "--tls-key", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Private key of that certificate, in PEM, without a password.",
)  # fmt: skip
@click.option(
    "--keylog", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="File to append the keys of all TLS connections to, to decrypt captures.  [default: "
    "$SSLKEYLOGFILE, or none]",
)  # fmt: skip
@click.option(
    "--web-port", type=click.IntRange(0, 65535),
    help=f"TCP port of the web page; 0 takes a free one.  [default: {WEB_PORT}, or a free one if "
    "that is in use or --port is 0]",
)  # fmt: skip
@click.option("--web/--no-web", default=True, show_default=True, help="Serve the web page.")
@click.option(
    "--origin", "origins", multiple=True, metavar="URL", callback=check_origins,
    help="Additional origin of the page, such as https://chat.example.org for a proxy "
    "that forwards to this server; can be repeated. The page shows the first one as its address.",
)  # fmt: skip
@click.option(
    "--http-proxy-headers", "proxies", metavar="[NETWORKS]", is_flag=False, flag_value=LOCAL_PROXIES,
    callback=check_proxies,
    help="Take the addresses of browsers from the header X-Forwarded-For, which proxies in these networks "
    f"must write, separated by commas; alone, of proxies on this machine ({LOCAL_PROXIES}).",
)  # fmt: skip
@click.option(
    "--metrics", metavar="HOST:PORT", callback=check_metrics,
    help="Also serve metrics for Prometheus at http://HOST:PORT/metrics, to everyone who can connect. "
    f"Without it, the page's port serves them to this machine.  [default port: {METRICS_PORT}]",
)  # fmt: skip
@click.option(
    "--code", "codes", multiple=True, metavar="SPEC", callback=check_codes,
    help="Code that the page's channel lab also offers, such as my_code.py:Mine; can be repeated.",
)  # fmt: skip
@click.option(
    "--history", type=click.Path(dir_okay=False, path_type=Path),
    help="History file.  [default: history.db in the user's data directory]",
)  # fmt: skip
@click.option("--ephemeral", is_flag=True, help="Keep the history in memory only.")
@click.option(
    "--fsync/--no-fsync", default=True, show_default=True,
    help="Write each message to disk before acknowledging it. With --no-fsync, a power failure may "
    "lose the last messages; a crash of the server loses none.",
)  # fmt: skip
@click.option(
    "--keep", type=DURATION, default="30d", show_default=True,
    help="Retention time of the history; 0 keeps it forever. See also --purge-now.",
)  # fmt: skip
@click.option(
    "--purge-now", is_flag=True,
    help="Delete history older than --keep immediately. By default, the server waits for a day, "
    "even across restarts, before it deletes more than a day's worth, in case the clock is wrong.",
)  # fmt: skip
@click.option(
    "--room-ttl", type=DURATION, default="1h", show_default=True,
    help="Lifetime of an empty room.",
)  # fmt: skip
@click.option(
    "--resume", type=DURATION, default="2m", show_default=True,
    help="Time for which a disconnected session, and its name, can be resumed.",
)  # fmt: skip
@click.option(
    "--max-users", default=_DEFAULTS.max_users, show_default=True, type=click.IntRange(1),
    help="Maximum number of users.",
)  # fmt: skip
@click.option(
    "--max-rooms", default=_DEFAULTS.max_rooms, show_default=True, type=click.IntRange(1),
    help="Maximum number of rooms per user.",
)  # fmt: skip
@click.option(
    "--max-frame", default=_DEFAULTS.max_frame, show_default=True, type=click.IntRange(1024, 2**24),
    help="Maximum size of a frame, in bytes.",
)  # fmt: skip
@click.option(
    "--max-text", default=_DEFAULTS.max_text, show_default=True, type=click.IntRange(1, 65000),
    help="Maximum size of a message, in bytes.",
)  # fmt: skip
@click.option(
    "--files", type=DURATION, default="7d", show_default=True,
    help="Time for which offered files are kept, in the folder HISTORY.files; 0 turns files off. A server "
    "of a cluster has none.",
)  # fmt: skip
@click.option(
    "--max-file", type=SIZE, default="100MB", show_default=True, help="Maximum size of a file."
)
@click.option(
    "--file-quota", type=SIZE, default="500MB", show_default=True,
    help="Maximum size of all files of one user.",
)  # fmt: skip
@click.option(
    "--file-space", type=SIZE, default="5GB", show_default=True,
    help="Maximum size of all files.",
)  # fmt: skip
@click.option(
    "--rate", default=_DEFAULTS.rate, show_default=True, type=FiniteRange(0),
    help="Maximum frames per second from one connection; 0 is no limit.",
)  # fmt: skip
@click.option(
    "--burst", default=_DEFAULTS.burst, show_default=True, type=FiniteRange(1),
    help="Frames that a connection may send at once before --rate applies.",
)  # fmt: skip
@click.option(
    "--max-half-open", default=_DEFAULTS.max_half_open, show_default=True, type=click.IntRange(1),
    help="Maximum number of connections that have not sent HELLO yet.",
)  # fmt: skip
@click.option(
    "--max-per-address", default=_DEFAULTS.max_per_address, show_default=True,
    type=click.IntRange(0), help="Maximum number of connections per address; 0 is no limit.",
)  # fmt: skip
@click.option(
    "--handshake-timeout", type=DURATION, default="10s", show_default=True,
    help="Timeout for receiving HELLO.",
)  # fmt: skip
@click.option(
    "--frame-timeout", type=DURATION, default="5s", show_default=True,
    help="Timeout for receiving the rest of a frame.",
)  # fmt: skip
@click.option(
    "--stall-timeout", type=DURATION, default="2m", show_default=True,
    help="Time without reading after which a client is disconnected.",
)  # fmt: skip
@click.option(
    "--cluster", metavar="URL", callback=_check_cluster,
    help="Redis of the cluster that this server joins, such as redis://HOST:6379/0.",
)  # fmt: skip
@click.option(
    "--cluster-name", default="netchat", show_default=True, callback=_check_cluster_name,
    help="Name of the cluster; several can share one Redis.",
)  # fmt: skip
@click.option(
    "--cluster-durability", type=click.Choice(["all", "none"]), default="all", show_default=True,
    help="Durability that Redis must provide. With none, a crash of Redis may lose acknowledged messages.",
)  # fmt: skip
@click.option(
    "--advertise", metavar="HOST:PORT", callback=_check_advertise,
    help="Address of this server for the clients of the cluster's other servers.  [default: the one "
    "that it listens on]",
)  # fmt: skip
@click.option(
    "--advertise-page", metavar="URL", callback=_check_advertise_page,
    help="URL of this server's page for the same clients.  [default: its own]",
)  # fmt: skip
@click.option(
    "--accounts", type=click.Choice(["off", "optional", "required"]),
    help="Whether users can register their names, must register, or cannot.  [default: off; optional with "
    "--lan and TLS]",
)  # fmt: skip
@click.option(
    "--registration", type=click.Choice(["open", "invitation", "closed"]), default="open",
    show_default=True,
    help="Users that can register: all, those with an invitation, or none.",
)  # fmt: skip
@click.option(
    "--window", "in_window", is_flag=True,
    help="Show the server in a desktop window, with its users, rooms and log. It needs Tk.",
)  # fmt: skip
@click.option("--log-json", is_flag=True, help="Log to the console as JSON, one object per line.")
@click.option(
    "--log-level", type=click.Choice([level.name.lower() for level in LogLevel]), default="info",
    show_default=True,
    help="Least important entries to log: problems, what the server does, what users do, or each connection.",
)  # fmt: skip
@click.option("-v", "--verbose", count=True, help="Log one level more, such as each connection.")
@click.option("-q", "--quiet", count=True, help="Log one level less; -qq logs problems only.")
def serve(
    host: str,
    lan: bool,
    port: int,
    web_port: int | None,
    web: bool,
    origins: tuple[str, ...],
    proxies: tuple[Network, ...],
    metrics: tuple[str, int] | None,
    codes: dict[str, str],
    history: Path | None,
    ephemeral: bool,
    fsync: bool,
    resume: float,
    log_json: bool,
    log_level: str,
    verbose: int,
    quiet: int,
    udp: bool,
    tls: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    keylog: Path | None,
    cluster: RedisURL | None,
    cluster_name: str,
    cluster_durability: str,
    advertise: str | None,
    advertise_page: str | None,
    accounts: Accounts | None,
    registration: Registration,
    in_window: bool,
    **limits: float,
) -> None:
    """Run a chat server and its web page until Ctrl-C.

    The server logs to standard error: with dates, or for systemd's journal with priorities. Each message is
    on disk before any user sees it, so that not even kill -9 loses an acknowledged message.

    \b
    Examples:
      netchat serve                         on this machine only, port 6464
      netchat serve --lan                   for the local network
      netchat serve --ephemeral --port 0    in memory only, on free ports
      netchat serve --no-web                without the web page
      netchat serve --origin https://chat.example.org    behind a proxy of that name
      netchat serve --udp                   also for netchat client --udp
      netchat serve --lan --tls             with TLS for clients that want it, and https
      netchat serve --tls required          with TLS only
      netchat serve --cluster redis://127.0.0.1:6379/0    one of several servers
      netchat serve --accounts optional     users can register their names
      netchat serve --files 1d --max-file 2GB     larger files, for a day
      netchat serve --lan --window          in a desktop window
      netchat serve --lan --metrics 10.0.0.5    with metrics for a Prometheus on that network
      netchat serve --code my_code.py:Mine  with a code of yours in the channel lab
    """
    if ephemeral and history is not None:
        raise click.UsageError("--ephemeral writes no file: omit --history.")
    if cluster is not None and _is_given("files") and limits["files"]:
        raise click.UsageError("A server of a cluster does not transfer files: omit --files.")
    if ephemeral and cluster is not None:
        raise click.UsageError("--cluster needs a history file: omit --ephemeral.")
    if cluster is None and (advertise or advertise_page):
        raise click.UsageError("--advertise and --advertise-page need --cluster.")
    if lan and _is_given("host"):
        raise click.UsageError("--lan listens on every address: omit --host.")
    if not web and (web_port is not None or origins or proxies or codes):
        raise click.UsageError(
            "--no-web serves no page: omit --web-port, --origin, --http-proxy-headers and --code."
        )
    certificate = _certificate(tls, tls_cert, tls_key, keylog, udp=udp)
    address = None if lan else host
    page = Page(address, 0 if web_port is None and port == 0 else web_port, origins, proxies, codes)
    is_encrypted = certificate is not None
    if accounts is None:
        accounts = _default_accounts(lan=lan, is_encrypted=is_encrypted)
    if accounts == "off" and _is_given("registration"):
        raise click.UsageError("--registration needs --accounts optional or --accounts required.")
    settings = Settings(
        resume_seconds=resume,
        accounts=accounts,
        registration=registration,
        **limits,  # type: ignore[arg-type]
    )
    level = LogLevel[log_level.upper()] + verbose - quiet
    level = LogLevel(min(max(level, LogLevel.WARNING), LogLevel.DEBUG))
    tell = console(as_json=log_json, level=level)
    if accounts != "off" and not is_encrypted and (address is None or not is_loopback(address)):
        tell(Log("accounts", {"text": _UNSAFE}))
    raise_rlimit(settings.max_users + _OTHER_FILES)
    joining = None
    if cluster is not None:
        from netchat.net.cluster.member import ClusterOptions

        options = ClusterOptions(cluster, cluster_name, cluster_durability == "all")
        joining = Joining(options, advertise, advertise_page)
    plan = ServePlan(
        settings,
        address,
        port,
        udp,
        history,
        ephemeral,
        fsync,
        page if web else None,
        metrics,
        sys.stderr.isatty() and not log_json,
        certificate,
        joining,
        tell,
        level is LogLevel.DEBUG,
    )
    if in_window:
        from netchat.cli.serve_window import run_in_window

        run_in_window(plan)
    else:
        run(_until_signal(plan))


async def _until_signal(plan: ServePlan) -> None:
    """Run the server until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises instead
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await plan.run(ServerLog(plan.tell, LogLimit()), stop)


def _default_accounts(*, lan: bool, is_encrypted: bool) -> Accounts:
    """Return the mode of accounts without --accounts: optional where passwords are useful and safe."""
    return "optional" if lan and is_encrypted else "off"


def _is_given(option: str) -> bool:
    """Return whether an option was given, on the command line or elsewhere."""
    given = click.get_current_context().get_parameter_source(option)
    return given is not click.core.ParameterSource.DEFAULT


def _certificate(
    tls: str, certificate: Path | None, key: Path | None, keylog: Path | None, *, udp: bool
) -> TlsServer | None:
    """Return the server's certificate, or None without TLS."""
    if (certificate is None) != (key is None):
        raise click.UsageError("--tls-cert and --tls-key must be given together.")
    if tls == "off" and certificate is None:
        if keylog is not None:
            raise click.UsageError("--keylog needs --tls: without TLS there are no keys.")
        return None
    if udp and tls == "required":
        raise click.UsageError(
            "TLS does not apply to UDP, whose links are plaintext: omit --udp, or use --tls optional."
        )
    from netchat.net.tls.server import TlsServer

    own = None if certificate is None or key is None else (certificate, key)
    return TlsServer(own, is_required=tls == "required", keylog=keylog)
