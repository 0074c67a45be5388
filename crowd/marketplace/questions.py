"""The question of a HIT comes, and a worker's answers go, as XML."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from django.conf import settings

from crowd.marketplace.errors import NotSupported, RequestError

SCHEMAS = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/"
EXTERNAL_QUESTION = f"{{{SCHEMAS}2006-07-14/ExternalQuestion.xsd}}"
HTML_QUESTION = f"{{{SCHEMAS}2011-11-11/HTMLQuestion.xsd}}"
QUESTION_FORM_ANSWERS = f"{SCHEMAS}2005-10-01/QuestionFormAnswers.xsd"
LONGEST_QUESTION_BYTES = 65_535
NO_ASSIGNMENT = "ASSIGNMENT_ID_NOT_AVAILABLE"

_NETLOC = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")

# What XML 1.0 cannot carry, even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Question:
    """What the frame shows: a page of the requester's own server, or else the HTML that came with the HIT."""

    url: str
    frame_height: int
    html: str = ""


def read_question(xml: str) -> Question:
    """An ExternalQuestion or an HTMLQuestion.

    Raises: RequestError that names what is wrong; NotSupported for a QuestionForm.
    """
    if len(xml.encode()) > LONGEST_QUESTION_BYTES:
        raise RequestError(f"Question is longer than {LONGEST_QUESTION_BYTES} bytes.", "InvalidParameterValue")
    try:
        root = fromstring(xml, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise RequestError(f"Question is not well-formed XML, or contains a DTD: {error}", "XMLParseError") from error
    if root.tag == f"{EXTERNAL_QUESTION}ExternalQuestion":
        url, height = _parts(root, EXTERNAL_QUESTION, "ExternalURL")
        return Question(_checked_url(url.strip()), height)
    if root.tag == f"{HTML_QUESTION}HTMLQuestion":
        html, height = _parts(root, HTML_QUESTION, "HTMLContent")
        if re.search(r"<crowd-", html, re.IGNORECASE):
            raise NotSupported("Amazon's <crowd-...> elements are not to be had any more; use plain form elements.")
        return Question("", height, html)
    if root.tag.endswith("QuestionForm"):
        raise NotSupported("QuestionForm is not supported: send an HTMLQuestion, or the address of a page of yours.")
    raise RequestError(
        f"Question must be an ExternalQuestion in the namespace {EXTERNAL_QUESTION.strip('{}')}, or an HTMLQuestion in "
        f"{HTML_QUESTION.strip('{}')}, not {root.tag}.",
        "XMLParseError",
    )


def _parts(root: ElementTree.Element, namespace: str, name: str) -> tuple[str, int]:
    content, height = (root.findtext(f"{namespace}{tag}") for tag in (name, "FrameHeight"))
    if not content or height is None:
        raise RequestError(f"The question needs both {name} and FrameHeight.", "XMLParseError")
    if not re.fullmatch(r"\s*[0-9]{1,5}\s*", height):
        raise RequestError(f"FrameHeight must be a number of pixels from 0 to 99999, not {height!r}.", "XMLParseError")
    return content, int(height)


def _checked_url(url: str) -> str:
    """https anywhere; http on this machine, or where the marketplace itself is served over http."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise RequestError(f"ExternalURL is no address: {error}.", "InvalidParameterValue") from error
    if not host or parts.scheme not in ("http", "https") or not _NETLOC.fullmatch(parts.netloc):
        raise RequestError(
            f"ExternalURL must be an https address with a plain host name, not {url!r}. (Content security policies know "
            "neither letters outside ASCII, for which there is punycode, nor IPv6 addresses.)",
            "InvalidParameterValue",
        )
    own = urlsplit(settings.MARKETPLACE_URL)
    if parts.scheme == "http" and not _is_loopback(host) and (own.scheme, own.netloc) != (parts.scheme, parts.netloc):
        raise RequestError(
            f"ExternalURL must use https: browsers do not show {url!r} inside a page served over https. "
            "Plain http is taken for this machine (127.0.0.1, localhost) and for the marketplace's own address.",
            "InvalidParameterValue",
        )
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def framed_url(url: str, **parameters: str) -> str:
    """The requester's address with assignmentId and the others appended to its query."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(parameters)) if part)
    return urlunsplit(parts._replace(query=query))


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def write_answers(fields: list[tuple[str, list[str]]]) -> str:
    """QuestionFormAnswers with one FreeText for each field; several values of one field are joined by |, as Amazon does."""
    root = ElementTree.Element("QuestionFormAnswers", xmlns=QUESTION_FORM_ANSWERS)
    for name, values in fields:
        answer = ElementTree.SubElement(root, "Answer")
        ElementTree.SubElement(answer, "QuestionIdentifier").text = _NOT_XML.sub("\ufffd", name)
        ElementTree.SubElement(answer, "FreeText").text = _NOT_XML.sub("\ufffd", "|".join(values))
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False)
