"""The proxies' configurations in `docs/CLUSTER.md` are accepted by the proxies."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.blocks import blocks

#: Places of nginx's stream module; some builds have it inside.
STREAM_MODULES = (
    Path("/usr/lib/nginx/modules/ngx_stream_module.so"),
    Path("/usr/lib64/nginx/modules/ngx_stream_module.so"),
)


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


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    path = configuration("nginx", tmp_path / "nginx.conf")
    modules = [f"load_module {module};" for module in STREAM_MODULES if module.exists()]
    settings = f"{' '.join(modules[:1])} pid {tmp_path}/pid; error_log {tmp_path}/log;"
    check("nginx", "-t", "-p", tmp_path, "-c", path, "-g", settings)


def test_both_proxies_forward_to_the_same_servers(tmp_path: Path) -> None:
    found = [
        set(re.findall(r"10\.0\.0\.\d+:\d+", configuration(name, tmp_path / name).read_text()))
        for name in ("haproxy", "nginx")
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 6
