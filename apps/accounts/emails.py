"""E-mail addresses that are not accepted because mail to them stays in our own network."""

# Names that local resolvers answer (RFC 6761, RFC 6762, RFC 8375, and `internal`, which ICANN reserves).
_LOCAL = frozenset({"localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "arpa"})


def is_local(address: str) -> bool:
    """Whether the domain is a local name, a name without a dot, or an IP address."""
    domain = address.rpartition("@")[2].lower()
    top = domain.rpartition(".")[2]
    # Top-level domains are letters, or punycode (RFC 3696, section 2); the end of an IP address is neither.
    is_ip_address = not (top.isalpha() or top.startswith("xn--"))
    return is_ip_address or "." not in domain or top in _LOCAL
