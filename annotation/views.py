"""Pages that anybody may see."""

import re

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotation import lessons
from annotation.models import Image

A_YEAR_S = 365 * 24 * 3600
EXAMPLE_NAME = re.compile(r"[0-9a-f]{64}\.(jpg|jpeg|png|webp)")


@require_safe
def image(request: HttpRequest, sha256: str) -> HttpResponse:
    """An image under the hash of its content, which is as good as a password and never changes."""
    row = Image.objects.filter(sha256=sha256).only("file").first() or get_object_or_404(Image, sha256=sha256)
    url = default_storage.url(row.file.name)
    if url.startswith(("http://", "https://")):
        return HttpResponseRedirect(url)
    try:
        response = FileResponse(default_storage.open(row.file.name))
    except FileNotFoundError as error:
        raise Http404("The image's file is missing from the storage.") from error
    response["Cache-Control"] = f"public, max-age={A_YEAR_S}, immutable"
    return response


@require_safe
def example_image(request: HttpRequest, name: str) -> HttpResponse:
    """A tutorial's picture, shipped or a researcher's own, under the hash of its content."""
    if not EXAMPLE_NAME.fullmatch(name):
        raise Http404("There is no such picture.")
    try:
        file = lessons.picture_file(name)
        response = FileResponse(file.open("rb") if file else default_storage.open(f"tutorials/{name}"))
    except FileNotFoundError as error:
        raise Http404("There is no such picture.") from error
    response["Cache-Control"] = f"public, max-age={A_YEAR_S}, immutable"
    return response


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "home.html")
