"""Files from http(s) addresses that other people wrote down.

A server that fetches what it is told to can be made to fetch what only it can reach. So the
name is resolved here, once; every address that it has must be public; the connection goes to
the address that was looked at; and each redirect is treated as a new address.
"""

import ipaddress
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from annotation.sources.rules import BadSource, PictureMissing, Rules, SourceUnavailable

REDIRECTS = 5
MOST_NAMES = 32  # whose connections are kept open; further names get a new one each time
CHUNK_BYTES = 1 << 16
LATER = (408, 425, 429, 500, 502, 503, 504)
NOT_THERE = (401, 403, 404, 410)
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What Python calls global and is not everybody's: site-local addresses, documentation (RFC 9637), relays of 6to4, and
# the address under which every machine of Azure finds its host's own services.
ALSO_PRIVATE = tuple(map(ipaddress.ip_network, ("fec0::/10", "3fff::/20", "192.88.99.0/24", "168.63.129.16/32")))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: Address) -> bool:
    """Whether everybody in the world means the same machine by it; of an IPv6 address that wraps an IPv4 one, by that."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address in NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        wrapped = address.sixtofour or (address.teredo and address.teredo[1])
        if wrapped and not is_public(wrapped):
            return False
    if any(address in network for network in ALSO_PRIVATE):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class Web:
    """Fetches files; safe to use from several threads, closed after use.

    tls: whom to trust for https; the authorities that everybody trusts by default.
    """

    def __init__(
        self, rules: Rules, resolve: Callable = socket.getaddrinfo, pulse: Callable[[], None] = lambda: None,
        tls: ssl.SSLContext | None = None,
    ):
        self._rules = rules
        self._resolve = resolve
        self._pulse = pulse
        self._owner = threading.get_ident()
        self._tls = tls
        self._clients: dict[str, httpx.Client] = {}
        self._turn = threading.Lock()

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _client(self, host: str) -> httpx.Client:
        """Connections of one name alone: one whose certificate was another's must not be used again for it."""
        with self._turn:
            name = host if host in self._clients or len(self._clients) < MOST_NAMES else ""
            if name not in self._clients:
                self._tls = self._tls or httpx.create_ssl_context()
                timeout = httpx.Timeout(self._rules.read_s, connect=self._rules.connect_s)
                limits = httpx.Limits(max_keepalive_connections=8 if name else 0)
                self._clients[name] = httpx.Client(
                    timeout=timeout, limits=limits, follow_redirects=False, trust_env=False, verify=self._tls
                )
            return self._clients[name]

    def fetch(self, url: str) -> bytes:
        """A picture.

        Raises: PictureMissing, BadSource, SourceUnavailable.
        """
        content = bytearray()

        def start() -> Callable[[bytes], None]:
            content.clear()
            return content.extend

        self._get(url, start, self._rules.largest_picture_bytes, self._rules.picture_s)
        return bytes(content)

    def download(self, url: str, file: Path) -> None:
        """Annotations or an archive. Raises: as `fetch`."""
        with file.open("wb") as stream:

            def start() -> Callable[[bytes], object]:
                stream.seek(0)
                stream.truncate()
                return stream.write

            self._get(url, start, self._rules.largest_bytes, self._rules.file_s)

    def _get(self, url: str, start: Callable, largest_bytes: int, total_s: float) -> None:
        waits = iter(self._rules.waits_s)
        until = time.monotonic() + total_s
        while True:
            try:
                self._follow(url, start, largest_bytes, until)
                return
            except (httpx.TransportError, SourceUnavailable) as error:
                wait = next(waits, None)
                if wait is None or time.monotonic() + wait > until:
                    said = error if isinstance(error, SourceUnavailable) else f"{shown(url)} cannot be reached ({error!r})."
                    raise SourceUnavailable(f"{said} Resume the import when it can.") from error
            except httpx.InvalidURL as error:
                raise BadSource(f"{shown(url)} is no address: {error}.") from error
            self._rest(wait * random.uniform(0.8, 1.2))

    def _rest(self, wait_s: float) -> None:
        if threading.get_ident() == self._owner:
            self._pulse()
        time.sleep(wait_s)

    def _follow(self, url: str, start: Callable, largest_bytes: int, until: float) -> None:
        for _ in range(REDIRECTS + 1):
            with self._open(url) as response:
                if response.is_redirect:
                    target = urljoin(url, response.headers.get("location", ""))
                    if url.startswith("https:") and not target.startswith("https:"):
                        raise BadSource(f"{shown(url)} leads to {shown(target)}, which is not encrypted.")
                    url = target
                    continue
                self._check(url, response, largest_bytes)
                take, size = start(), 0
                for chunk in self._chunks(response):
                    size += len(chunk)
                    if size > largest_bytes:
                        raise BadSource(f"{shown(url)} is larger than {largest_bytes:,} bytes.")
                    if time.monotonic() > until:
                        raise SourceUnavailable(f"{shown(url)} took too long.")
                    take(chunk)
                return
        raise BadSource(f"{shown(url)}: more than {REDIRECTS} redirects. Give the final address.")

    def _chunks(self, response: httpx.Response) -> Iterator[bytes]:
        for chunk in response.iter_raw(CHUNK_BYTES):
            if threading.get_ident() == self._owner:
                self._pulse()
            yield chunk

    @staticmethod
    def _check(url: str, response: httpx.Response, largest_bytes: int) -> None:
        status = response.status_code
        if status in LATER:
            raise SourceUnavailable(f"{shown(url)} answers {status}.")
        if status in NOT_THERE:
            raise PictureMissing(f"{shown(url)} answers {status}: it is not there, or not for everybody.")
        if status != 200:
            raise BadSource(f"{shown(url)} answers {status}.")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise BadSource(f"{shown(url)} is sent compressed although that was not asked for, so its size is not known.")
        length = response.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > largest_bytes:
            raise BadSource(f"{shown(url)} has {int(length):,} bytes; at most {largest_bytes:,} are fetched.")

    def _open(self, url: str) -> "_Closing":
        target = httpx.URL(url)
        if target.scheme not in ("http", "https") or not target.host:
            raise BadSource(f"{shown(url)} is no http or https address.")
        if target.userinfo:
            raise BadSource(f"{shown(url)} holds a name or password. Give an address that needs none.")
        host = target.raw_host.decode()
        client = self._client(f"{target.scheme}://{host}")
        error: Exception | None = None
        for address in self._addresses(host, target.port or (443 if target.scheme == "https" else 80), url):
            request = client.build_request(
                "GET", target.copy_with(host=str(address)),
                headers={"Host": target.netloc.decode(), "Accept-Encoding": "identity", "User-Agent": "Nearer"},
                extensions={"sni_hostname": host},  # the certificate must be the name's
            )
            try:
                return _Closing(client.send(request, stream=True))
            except httpx.ConnectError as refused:
                error = refused
        raise error or SourceUnavailable(f"{shown(url)} has no address.")

    def _addresses(self, host: str, port: int, url: str) -> list[Address]:
        """Raises: BadSource where any of them is not public, SourceUnavailable where there is none."""
        try:
            rows = self._resolve(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise SourceUnavailable(f"{shown(url)}: the name {host} cannot be resolved.") from error
        addresses = list(dict.fromkeys(ipaddress.ip_address(row[4][0].partition("%")[0]) for row in rows))
        for address in addresses:
            if not is_public(address) and not any(address in network for network in self._rules.private_networks):
                raise BadSource(
                    f"{shown(url)} leads to {address}, which is no public address. Upload the files, or let an administrator "
                    "add the network to IMPORT_PRIVATE_NETWORKS."
                )
        return addresses


class _Closing:
    """A response that is closed however it is left."""

    def __init__(self, response: httpx.Response):
        self._response = response

    def __enter__(self) -> httpx.Response:
        return self._response

    def __exit__(self, *_) -> None:
        self._response.close()


def shown(url: str) -> str:
    """An address as messages show it: without its query and password, which may be secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:300]
