"""Host names that are not public."""

# Top-level domains that only local networks answer, or nobody (RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476), and
# names that routers and companies use, which therefore will not be delegated.
_LOCAL = frozenset(
    {"localhost", "localdomain", "local", "internal", "intranet", "private", "lan", "home", "corp", "arpa"}
    | {"test", "invalid", "onion", "alt"}
)


def is_public_name(host: str) -> bool:
    """Whether this may be the name of a host on the internet: not a local name, a name without a dot, or an IP address
    in any notation."""
    name = host.lower().removesuffix(".")
    top = name.rpartition(".")[2]
    # Top-level domains are letters, or punycode (RFC 3696, section 2); the end of an IP address is neither.
    is_ip_address = not (top.isalpha() or top.startswith("xn--"))
    return "." in name and not is_ip_address and top not in _LOCAL
