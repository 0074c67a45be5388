"""Fetching from addresses that strangers wrote down: only public machines, only so much, only for so long."""

import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from annotation.sources import BadSource, PictureMissing, Rules, SourceUnavailable
from annotation.sources.web import Web, is_public
from tests.annotation.sources.servers import Files, serving

HERE = ipaddress.ip_network("127.0.0.0/8")
OPEN = Rules(private_networks=(HERE,), waits_s=(0.0, 0.0), read_s=5.0, largest_picture_bytes=10_000)


@pytest.fixture
def files():
    with serving(Files, files={"/a.jpg": b"a picture"}) as server:
        yield server


@pytest.fixture
def web():
    one = Web(OPEN)
    yield one
    one.close()


PRIVATE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2001:0:7f00:1::",
    "::127.0.0.1", "64:ff9b:1::1", "fec0::1", "3fff::1", "192.88.99.1", "168.63.129.16", "::ffff:168.63.129.16", "240.0.0.1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_everybodys_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(ipaddress.ip_address(address))


def test_a_picture_is_fetched_from_a_network_that_is_allowed(files, web):
    assert web.fetch(f"{files.url}/a.jpg") == b"a picture"


@pytest.mark.parametrize("written", [
    "127.0.0.1", "localhost", "2130706433", "0x7f.1", "017700000001", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1.", "①②⑦.0.0.1",
])
def test_this_machine_is_refused_however_it_is_written(files, written):
    web = Web(Rules(waits_s=()))
    with pytest.raises((BadSource, SourceUnavailable)):
        web.fetch(f"http://{written}:{files.server_port}/a.jpg")
    web.close()
    assert files.asked == []


def test_a_name_that_leads_home_is_refused_and_so_is_one_that_leads_home_only_sometimes(files):
    def resolve(host, port, **_):
        homes = {"home.example": ["127.0.0.1"], "both.example": ["93.184.216.34", "127.0.0.1"]}[host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in homes]

    web = Web(Rules(waits_s=()), resolve=resolve)
    for host in ("home.example", "both.example"):
        with pytest.raises(BadSource, match=r"leads to 127\.0\.0\.1, which is no public address.*IMPORT_PRIVATE_NETWORKS"):
            web.fetch(f"http://{host}:{files.server_port}/a.jpg")
    web.close()
    assert files.asked == []


def test_a_name_is_resolved_once_and_the_address_that_was_looked_at_is_asked(files):
    answers = iter(["127.0.0.1", "10.0.0.1", "10.0.0.1"])

    def resolve(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    web = Web(OPEN, resolve=resolve)
    assert web.fetch(f"http://pictures.example:{files.server_port}/a.jpg") == b"a picture"
    web.close()
    assert files.asked == [("/a.jpg", f"pictures.example:{files.server_port}")]  # under its name
    assert next(answers) == "10.0.0.1"  # one answer was used


def test_a_redirect_is_a_new_address_and_looked_at_again(files):
    def resolve(host, port, **_):
        address = {"pictures.example": "127.0.0.1"}.get(host, host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    only = Rules(private_networks=(ipaddress.ip_network("127.0.0.1/32"),), waits_s=())
    web = Web(only, resolve=resolve)
    place = f"http://pictures.example:{files.server_port}"
    files.files["/moved.jpg"] = lambda handler: handler.answer(302, b"", Location="/a.jpg")
    assert web.fetch(f"{place}/moved.jpg") == b"a picture"
    files.files["/inside.jpg"] = lambda handler: handler.answer(302, b"", Location="http://169.254.169.254/latest/meta-data")
    with pytest.raises(BadSource, match=r"leads to 169\.254\.169\.254"):
        web.fetch(f"{place}/inside.jpg")
    files.files["/file.jpg"] = lambda handler: handler.answer(302, b"", Location="file:///etc/passwd")
    with pytest.raises(BadSource, match="is no http or https address"):
        web.fetch(f"{place}/file.jpg")
    files.files["/round.jpg"] = lambda handler: handler.answer(302, b"", Location="/round.jpg")
    with pytest.raises(BadSource, match="more than 5 redirects"):
        web.fetch(f"{place}/round.jpg")
    web.close()


def test_what_is_too_large_is_refused_whether_it_says_so_or_not(files, web):
    files.files["/honest.jpg"] = bytes(10_001)
    with pytest.raises(BadSource, match="has 10,001 bytes; at most 10,000"):
        web.fetch(f"{files.url}/honest.jpg")

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"400\r\n" + bytes(0x400) + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    files.files["/endless.jpg"] = endless
    with pytest.raises(BadSource, match="is larger than 10,000 bytes"):
        web.fetch(f"{files.url}/endless.jpg")


def test_a_compressed_answer_that_was_not_asked_for_is_refused(files, web):
    files.files["/bomb.jpg"] = lambda handler: handler.answer(200, b"\x1f\x8b", Content_Encoding="gzip")
    with pytest.raises(BadSource, match="sent compressed"):
        web.fetch(f"{files.url}/bomb.jpg")


def test_what_is_not_there_is_told_from_what_is_not_there_now(files, web):
    with pytest.raises(PictureMissing, match=r"b\.jpg answers 404"):
        web.fetch(f"{files.url}/b.jpg")
    files.files["/busy.jpg"] = lambda handler: handler.answer(503, b"")
    with pytest.raises(SourceUnavailable, match=r"busy\.jpg answers 503.*Resume"):
        web.fetch(f"{files.url}/busy.jpg")
    assert [path for path, _ in files.asked].count("/busy.jpg") == 3


def test_a_server_that_is_busy_for_a_moment_is_asked_again(files, web):
    moments = iter([503, 429])

    def answer(handler):
        status = next(moments, 200)
        handler.answer(status, b"at last" if status == 200 else b"")

    files.files["/soon.jpg"] = answer
    assert web.fetch(f"{files.url}/soon.jpg") == b"at last"


def test_an_answer_that_breaks_off_is_not_taken_for_the_whole(files, web, tmp_path):
    def breaks_off(handler):
        handler.answer(200, b"half", Content_Length="4000")
        handler.close_connection = True

    files.files["/half.zip"] = breaks_off
    with pytest.raises(SourceUnavailable):
        web.download(f"{files.url}/half.zip", tmp_path / "half.zip")


def test_a_drip_is_cut_off_after_the_time_allowed(files):
    web = Web(Rules(private_networks=(HERE,), waits_s=(), picture_s=-1.0))
    with pytest.raises(SourceUnavailable, match="took too long"):
        web.fetch(f"{files.url}/a.jpg")
    web.close()


@pytest.mark.parametrize(("url", "message"), [
    ("ftp://example.org/a.jpg", "is no http or https address"),
    ("http://ada:secret@example.org/a.jpg", "holds a name or password"),
    ("http:///a.jpg", "is no http or https address"), ("https://exa mple.org/a.jpg", "no address|cannot be resolved|no public"),
    ("http://example.org:eighty/", "no address"),
])
def test_what_is_no_address_is_refused_without_showing_its_secrets(web, url, message):
    with pytest.raises((BadSource, SourceUnavailable), match=message) as refused:
        web.fetch(url)
    assert "secret" not in str(refused.value)


def certificate(folder, name: str):
    """A key and a certificate that a name has signed for itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return file


def test_over_https_the_certificate_must_be_the_names_although_the_address_is_asked(files, tmp_path):
    file = certificate(tmp_path, "pictures.example")
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(file)
    files.socket = served.wrap_socket(files.socket, server_side=True)

    def resolve(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    web = Web(OPEN, resolve=resolve, tls=ssl.create_default_context(cafile=file))
    assert web.fetch(f"https://pictures.example:{files.server_port}/a.jpg") == b"a picture"
    with pytest.raises(SourceUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        web.fetch(f"https://other.example:{files.server_port}/a.jpg")
    web.close()
