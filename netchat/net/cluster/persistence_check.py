"""Whether Redis keeps what it acknowledges, and how to configure it so that it does."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["SETTINGS", "problems", "version_problem"]

#: Setting, required value, and what goes wrong otherwise.
SETTINGS = (
    ("appendonly", "yes", "a restart of Redis loses acknowledged messages"),
    ("appendfsync", "always", "a power failure loses acknowledged messages"),
    ("no-appendfsync-on-rewrite", "no", "a power failure during a rewrite loses messages"),
    ("maxmemory-policy", "noeviction", "Redis deletes messages or leases when memory runs out"),
)

#: Oldest supported version of Redis.
OLDEST = 7

#: The fields of INFO that show a setting, for servers that do not permit CONFIG GET.
_FROM_INFO = {"appendonly": ("aof_enabled", {"1": "yes", "0": "no"})}


def version_problem(info: Mapping[str, str]) -> str | None:
    """Return why the version of Redis cannot be used, or None.

    Args:
        info: Fields of `INFO`.
    """
    version = info.get("redis_version", "")
    major = version.partition(".")[0]
    if major.isdecimal() and int(major) >= OLDEST:
        return None
    return f"Redis must be version {OLDEST} or later, and this is {version or 'unknown'}"


def problems(
    info: Mapping[str, str], config: Mapping[str, str] | None, redis_cli: str
) -> str | None:
    """Return why Redis may lose what it acknowledges and how to configure it, or None.

    Args:
        info: Fields of `INFO`.
        config: Settings from `CONFIG GET`; None if that is not permitted.
        redis_cli: Shell command that opens this Redis.
    """
    wrong, unknown = [], []
    for name, required, consequence in SETTINGS:
        value = _value(name, info, config)
        if value is None:
            unknown.append(name)
        elif value != required:
            wrong.append((name, value, required, consequence))
    if not wrong and not unknown:
        return None
    lines = ["Redis may lose messages that it has acknowledged."]
    for name, value, required, consequence in wrong:
        lines.append(f"  {name} is {value}, not {required}: {consequence}.")
    if unknown:
        lines.append(
            f"  {', '.join(unknown)}: unknown, because CONFIG GET is not permitted. "
            f"Permit it: {redis_cli} ACL SETUSER NAME +config|get"
        )
    if wrong:
        lines.append("Configure Redis, and keep the settings:")
        lines += [f"  {redis_cli} CONFIG SET {name} {required}" for name, _, required, _ in wrong]
        if info.get("config_file") == "":
            options = " ".join(f"--{name} {required}" for name, _, required, _ in wrong)
            lines.append(f"  Redis has no configuration file, so also start it with: {options}")
        else:
            lines.append(f"  {redis_cli} CONFIG REWRITE")
    lines.append("Or accept the loss: --cluster-durability none")
    return "\n".join(lines)


def _value(name: str, info: Mapping[str, str], config: Mapping[str, str] | None) -> str | None:
    if config is not None:
        return config.get(name)
    if name == "maxmemory-policy":
        return info.get("maxmemory_policy")
    field, meaning = _FROM_INFO.get(name, ("", {}))
    return meaning.get(info.get(field, ""))
