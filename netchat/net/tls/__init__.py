"""TLS 1.3 below the chat: certificates, trust in servers, and the transport."""

__all__: list[str] = []
