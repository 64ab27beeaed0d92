"""Captures: files read and written, and packets recorded live.

`reader` opens pcap and pcapng files; `writer` writes them. `live` records from an interface, through
`afpacket` on Linux and `libpcap` elsewhere.
"""
