"""The address of this machine in its network, for `make run LAN=1`."""

import ipaddress
import socket
from collections.abc import Mapping

from devstack.process import StartFailed

# Documentation addresses (RFC 5737): connecting a datagram socket sends nothing, and chooses the interface.
_ELSEWHERE = ("192.0.2.1", 9)


def lan_address(environ: Mapping[str, str]) -> str | None:
    """The address to serve in the network: LAN itself if it is an address, else that of the default route.

    None if LAN is not set. Raises StartFailed if there is no such address, or if the whole internet could reach it.
    """
    wanted = environ.get("LAN", "")
    if wanted in {"", "0"}:
        return None
    if wanted != "1":
        return _parse(wanted)
    address = default_address()
    if ipaddress.ip_address(address).is_loopback:
        raise StartFailed("This machine is in no network. Name its address: make run LAN=192.168.1.2.")
    if not ipaddress.ip_address(address).is_private:
        raise StartFailed(
            f"{address} is an address of the internet, and everybody knows the demo passwords. LAN=1 is for private "
            f"networks; LAN={address} serves there nevertheless."
        )
    return address


def _parse(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise StartFailed(f"LAN must be 1 or an IPv4 address of this machine, not {text!r}.") from None


def default_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address
