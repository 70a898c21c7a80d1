"""nginx as a peer: in the foreground, in a folder of its own, as whoever runs the tests."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from support.tools import require

_CONFIG = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  types {{ text/html html; text/plain txt; text/css css; application/json json; }}
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {blocks}
}}
"""


def command(folder: Path, blocks: str) -> list:
    """The command that runs nginx with these `server { ... }` (and other) blocks inside `http`."""
    # Started by root, its worker would become another user, who can't read our folder.
    # (Not by getpass, which believes the environment: an autograder's USERNAME is the student's.)
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, user=user, blocks=blocks))
    return [require("nginx"), "-p", folder, "-c", config, "-e", "stderr"]
