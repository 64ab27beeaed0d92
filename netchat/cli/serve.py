"""`netchat serve`: run the chat server."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netchat.chat.effects import Log
from netchat.chat.log_limit import LogLimit
from netchat.chat.server_log import ServerLog
from netchat.chat.settings import Accounts, Registration, Settings
from netchat.cli.console import console
from netchat.cli.owner_notice import owner_notice
from netchat.cli.params.duration import DURATION
from netchat.cli.params.number import FiniteRange
from netchat.cli.params.size import SIZE
from netchat.cli.serve_page import Page, check_host, check_origins, start_page
from netchat.errors import HistoryError, NetchatError
from netchat.files import tighten
from netchat.net.address import parse_address, show_address
from netchat.net.event_loop import run
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.net.rlimit import raise_rlimit
from netchat.net.server_driver import ServerDriver
from netchat.web import WEB_PORT
from netchat.web.local_addresses import is_loopback, lan_address
from netchat.wire import DEFAULT_PORT

if TYPE_CHECKING:
    from netchat.net.cluster.member import ClusterOptions
    from netchat.net.cluster.redis_url import RedisURL
    from netchat.net.control import ControlServer
    from netchat.net.tls.server import TlsServer
    from netchat.web.site import Site

__all__ = ["serve"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Joining:
    """The cluster to join, and this server's addresses for clients."""

    options: ClusterOptions
    address: str | None
    page: str | None


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
@click.option("--log-json", is_flag=True, help="Log to the console as JSON, one object per line.")
def serve(
    host: str,
    lan: bool,
    port: int,
    web_port: int | None,
    web: bool,
    origins: tuple[str, ...],
    history: Path | None,
    ephemeral: bool,
    fsync: bool,
    resume: float,
    log_json: bool,
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
    **limits: float,
) -> None:
    """Run a chat server and its web page until Ctrl-C.

    The server logs to standard error. Each message is on disk before any user sees it, so that not
    even kill -9 loses an acknowledged message.

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
    if not web and (web_port is not None or origins):
        raise click.UsageError("--no-web serves no page: omit --web-port and --origin.")
    certificate = _certificate(tls, tls_cert, tls_key, keylog, udp=udp)
    address = None if lan else host
    page = Page(address, 0 if web_port is None and port == 0 else web_port, origins)
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
    tell = console(as_json=log_json)
    if accounts != "off" and not is_encrypted and (address is None or not is_loopback(address)):
        tell(Log("accounts", {"text": _UNSAFE}))
    raise_rlimit(settings.max_users + _OTHER_FILES)
    kept = (
        MemoryHistory()
        if ephemeral
        else _open_history(
            # Redis has made durable all that comes back from the log.
            history,
            fsync=fsync and cluster is None,
        )
    )
    if isinstance(kept, SqliteHistory):
        for notice in kept.notices:
            tell(Log("history", {"text": notice}))
    start = partial(start_page, page, tell=tell, picture=sys.stderr.isatty() and not log_json)
    joining = None
    if cluster is not None:
        from netchat.net.cluster.member import ClusterOptions

        options = ClusterOptions(cluster, cluster_name, cluster_durability == "all")
        joining = _Joining(options, advertise, advertise_page)
    run(
        _serve(
            kept,
            settings,
            address,
            port,
            ServerLog(tell, LogLimit()),
            start if web else None,
            joining,
            certificate,
            udp=udp,
        )
    )


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


def _open_history(path: Path | None, *, fsync: bool) -> SqliteHistory:
    if path is not None:
        is_new = not os.path.exists(path)  # noqa: PTH110 - Path.exists may raise
        history = SqliteHistory(path, fsync=fsync)
        if is_new:  # a typo in the path would otherwise start an empty chat silently
            history.notices.append(f"new history {path}")
        return history
    import platformdirs

    folder = platformdirs.user_data_path("netchat")
    notice = tighten(
        folder
    )  # only netchat's own folder: a folder of the user may be shared on purpose
    history = SqliteHistory(folder / "history.db", fsync=fsync)
    history.notices.extend(filter(None, [notice]))
    return history


async def _serve(
    kept: SqliteHistory | MemoryHistory,
    settings: Settings,
    host: str | None,
    port: int,
    log: ServerLog,
    start: Callable[[ServerDriver, ServerLog], Awaitable[Site]] | None,
    joining: _Joining | None,
    tls: TlsServer | None,
    *,
    udp: bool,
) -> None:
    try:
        server = ServerDriver(kept, settings, log, joining.options if joining else None, tls)
    except HistoryError:
        kept.close()
        raise
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises instead
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        addresses = await _unless_stopped(stop, server.start(host, port, udp=udp))
    except OSError as error:
        kept.close()
        busy = error.errno == errno.EADDRINUSE
        hint = " Is another server running? --port 0 takes a free one." if busy else ""
        raise NetchatError(
            f"Cannot listen on {host or 'any address'}, port {port}: {error.strerror or error}.{hint}"
        ) from error
    site = control = None
    try:
        if settings.accounts != "off" and isinstance(kept, SqliteHistory):
            control = await _start_control(server, kept, log)
        if addresses is not None:
            _tell_where(kept, addresses, log, udp=udp)
            if tls is not None:
                _tell_tls(tls, log, udp=udp)
        if start is not None and not stop.is_set():
            site = await start(server, log)
        if joining is not None and addresses is not None and not stop.is_set():
            await _unless_stopped(stop, _join(joining, server, addresses[0], site, log, stop))
        if not stop.is_set():
            path = kept.path if isinstance(kept, SqliteHistory) else None
            if notice := owner_notice(server.hub.state.shared, settings, path):
                log(Log("accounts", {"text": notice}))
        while not stop.is_set():
            log.flush()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), timeout=1.0)
        log(Log("stopping", {"text": "notifying the clients"}))
    finally:
        if control is not None:
            await control.stop()
        if site is not None:
            await site.stop()
        await server.stop()
    log.flush(at_once=True)
    log(Log("stopped", {}))
    if server.cluster is not None and server.cluster.failure.done():
        raise server.cluster.failure.result()


async def _start_control(
    server: ServerDriver, kept: SqliteHistory, log: ServerLog
) -> ControlServer | None:
    """Start the control channel for `netchat accounts`; the server also runs without it."""
    from netchat.net.control import ControlServer

    control = ControlServer(kept.path, server.administer)
    try:
        await control.start()
    except (OSError, AttributeError) as error:  # AttributeError: a system without Unix sockets
        text = f"netchat accounts cannot reach this server: {control.path}: {error}"
        log(Log("accounts", {"text": text}))
        return None
    return control


async def _join(
    joining: _Joining,
    server: ServerDriver,
    bound: tuple[str, int],
    site: Site | None,
    log: ServerLog,
    stop: asyncio.Event,
) -> None:
    """Join the cluster, and stop the server if the cluster's log fails."""
    member = server.cluster
    assert member is not None
    member.failure.add_done_callback(lambda _: stop.set())
    host, port = bound
    if ipaddress.ip_address(host).is_unspecified:
        host = lan_address() or socket.gethostname()
    page = joining.page
    if page is None:
        page = site.cluster_address(host) if site is not None else ""
    name, url = joining.options.name, joining.options.url
    text = f"Joining the cluster {name} on {url}. Until then, clients wait."
    log(Log("joining", {"text": text}))
    await member.join(joining.address or show_address(host, port), page)
    text = f"Joined the cluster {name} on {url} as server {member.server_id}."
    log(Log("cluster", {"text": text}))


async def _unless_stopped(stop: asyncio.Event, start: Coroutine[Any, Any, _T]) -> _T | None:
    """Run a coroutine, which may take long; cancel it and return None if the server must stop."""
    starting, stopping = asyncio.create_task(start), asyncio.create_task(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        return starting.result()
    starting.cancel()
    await asyncio.wait((starting,))
    return None


def _tell_where(
    kept: SqliteHistory | MemoryHistory,
    addresses: list[tuple[str, int]],
    log: ServerLog,
    *,
    udp: bool,
) -> None:
    for address, bound in addresses:
        also = {"also": "UDP"} if udp else {}
        where_at = {"address": show_address(address, bound), "host": address, "port": bound}
        log(Log("listening", {**where_at, **also}))
    where = "memory only" if isinstance(kept, MemoryHistory) else str(kept.path)
    log(Log("history", {"text": where}))


def _tell_tls(tls: TlsServer, log: ServerLog, *, udp: bool) -> None:
    texts = [notice[0].upper() + notice[1:] + "." for notice in tls.notices]
    kind = "required" if tls.is_required else "accepted"
    texts.append(f"TLS 1.3 is {kind}. SHA-256 of this server's key: {tls.fingerprint}")
    if udp:
        texts.append("Links over UDP are not encrypted: TLS requires TCP.")
    if tls.keylog is not None:
        texts.append(
            f"The keys of all connections go to {tls.keylog}: with them, captures can be decrypted."
        )
    for text in texts:
        log(Log("tls", {"text": text}))
