"""The proxies' configurations in `docs/CLUSTER.md` and `docs/TLS.md` are accepted by the proxies."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from netchat.net.tls.server import TlsServer
from tests.docs.blocks import blocks

#: Places of nginx's stream module; some builds have it inside.
STREAM_MODULES = (
    Path("/usr/lib/nginx/modules/ngx_stream_module.so"),
    Path("/usr/lib64/nginx/modules/ngx_stream_module.so"),
)


def _why_no_nginx() -> str:
    """Return why nginx cannot check a configuration with streams, or an empty string."""
    if shutil.which("nginx") is None:
        return "nginx is not installed"
    built = subprocess.run(["nginx", "-V"], capture_output=True, text=True, check=False).stderr
    if re.search(r"--with-stream( |$)", built) or any(path.exists() for path in STREAM_MODULES):
        return ""
    return "nginx has no stream module: apt-get install libnginx-mod-stream"


needs_nginx = pytest.mark.skipif(bool(_why_no_nginx()), reason=_why_no_nginx() or "nginx can")

#: First word of each proxy's configuration.
BEGIN = {"haproxy": "defaults", "nginx": "events"}


def configuration(proxy: str, path: Path) -> Path:
    """Write a proxy's block on the page to a file, with ports that need no root."""
    (block,) = (block for block in blocks("docs/CLUSTER.md") if block.text.startswith(BEGIN[proxy]))
    text = re.sub(r"(bind :|listen )80\b", r"\g<1>8080", block.text)
    path.write_text(f"{text}\n", "utf-8")
    return path


def check(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed")
def test_haproxy_accepts_its_configuration(tmp_path: Path) -> None:
    check("haproxy", "-c", "-f", configuration("haproxy", tmp_path / "haproxy.cfg"))


@needs_nginx
def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    path = configuration("nginx", tmp_path / "nginx.conf")
    modules = [f"load_module {module};" for module in STREAM_MODULES if module.exists()]
    settings = f"{' '.join(modules[:1])} pid {tmp_path}/pid; error_log {tmp_path}/log;"
    check("nginx", "-t", "-p", tmp_path, "-c", path, "-g", settings)


def tls_block(language: str) -> str:
    (block,) = (block for block in blocks("docs/TLS.md") if block.language == language)
    return block.text


@needs_nginx
def test_nginx_accepts_its_configuration_for_tls(tmp_path: Path) -> None:
    files = TlsServer(folder=tmp_path / "tls").files
    text = tls_block("nginx").replace("listen 443", "listen 8443")
    text = text.replace("/etc/ssl/chat/fullchain.pem", str(files.chain))
    path = tmp_path / "nginx.conf"
    path.write_text(text.replace("/etc/ssl/chat/privkey.pem", str(files.key)), "utf-8")
    modules = [f"load_module {module};" for module in STREAM_MODULES if module.exists()]
    settings = f"{' '.join(modules[:1])} pid {tmp_path}/pid; error_log {tmp_path}/log;"
    check("nginx", "-t", "-p", tmp_path, "-c", path, "-g", settings)


@pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed")
def test_caddy_accepts_its_configuration(tmp_path: Path) -> None:
    path = tmp_path / "Caddyfile"
    path.write_text(f"{tls_block('caddy')}\n", "utf-8")
    check("caddy", "adapt", "--config", path, "--adapter", "caddyfile", "--validate")


def test_both_proxies_forward_to_the_same_servers(tmp_path: Path) -> None:
    found = [
        set(re.findall(r"10\.0\.0\.\d+:\d+", configuration(name, tmp_path / name).read_text()))
        for name in ("haproxy", "nginx")
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 6
