"""State of a TLS connection that both directions share."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["TlsCounts", "TlsState"]


@dataclass(slots=True)
class TlsCounts:
    """Counters of one direction.

    Attributes:
        records: Number of records.
        decrypted: Number of encrypted records that were decrypted.
        undecryptable: Number of encrypted records that were not.
        encrypted_bytes: Bytes of the encrypted records, headers included.
        content_bytes: Bytes of application data in the decrypted records.
        skipped: Bytes outside any record.
        padding: Padding bytes in the decrypted records.
        key_updates: Number of key updates.
    """

    records: int = 0
    decrypted: int = 0
    undecryptable: int = 0
    encrypted_bytes: int = 0
    content_bytes: int = 0
    skipped: int = 0
    padding: int = 0
    key_updates: int = 0


@dataclass(slots=True)
class TlsState:
    """State of a TLS connection, from both of its directions.

    Attributes:
        random: Client random, by which key logs name the connection; None if not captured.
        version: Version that the server selected, such as 0x0304; 0 while unknown.
        suite: Number of the cipher suite that the server selected; 0 while unknown.
        server_name: Name of the server in the ClientHello, or "".
        protocols: Application protocols that the client offers.
        early_data: Whether the client sends data before the server's first message.
        resumed: Whether the server resumed a session.
        ciphered: Directions (True: to server) in which TLS 1.2 or earlier has switched to encryption.
        to_server: Counters of what the client sent.
        to_client: Counters of what the server sent.
    """

    random: bytes | None = None
    version: int = 0
    suite: int = 0
    server_name: str = ""
    protocols: tuple[str, ...] = ()
    early_data: bool = False
    resumed: bool = False
    ciphered: dict[bool, bool] = field(default_factory=dict)
    to_server: TlsCounts = field(default_factory=TlsCounts)
    to_client: TlsCounts = field(default_factory=TlsCounts)

    def counts(self, *, to_server: bool) -> TlsCounts:
        """Return the counters of one direction."""
        return self.to_server if to_server else self.to_client
