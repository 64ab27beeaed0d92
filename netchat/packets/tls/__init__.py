"""TLS in captures: records, handshake messages, and their contents if the secrets are known.

`stage` cuts a stream into records and decrypts them; `handshake` describes handshake messages;
`key_log` holds the secrets, and `key_schedule` derives record keys from them; `state` is what both
directions of a connection share. Only TLS 1.3 (RFC 8446) is decrypted.
"""
