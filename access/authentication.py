"""`Authorization: Bearer nearer_...`: who comes in with a token, and what for."""

from django.conf import settings
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import permissions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed, PermissionDenied
from rest_framework.throttling import SimpleRateThrottle

from access import spending
from access.models import Scope, Token, digest


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request):
        word, _, secret = get_authorization_header(request).partition(b" ")
        if word.lower() != b"bearer":
            return None
        secret = secret.strip().decode("latin-1")
        token = Token.objects.live(timezone.now()).select_related("owner").filter(sha256=digest(secret)).first()
        if token is None:
            raise AuthenticationFailed(
                "This token is unknown, revoked or expired. Make a new one in the panel, under Access tokens."
            )
        return token.owner, token

    def authenticate_header(self, request) -> str:
        return 'Bearer realm="Nearer"'


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema) -> dict:
        return {"type": "http", "scheme": "bearer", "description": "A token made in the panel, with the scope of the act."}


def scope_of(view, method: str) -> str | None:
    """What a token needs: `read` to look; for an act what the view's `scopes` say of it, else the view's `scope`."""
    if method in permissions.SAFE_METHODS:
        return Scope.READ
    return getattr(view, "scopes", {}).get(getattr(view, "action", ""), getattr(view, "scope", None))


def require_scope(request, view) -> None:
    """A token does what its scopes say; a page that names no `scope` is not written to by tokens at all.

    What spends asks a token, and a person who comes with a session, for two-step sign-in where the site wants that.

    Raises: MethodNotAllowed, PermissionDenied.
    """
    if request.method not in view.allowed_methods:  # rather than that no scope is for it
        raise MethodNotAllowed(request.method)
    needed = scope_of(view, request.method)
    is_token = isinstance(request.auth, Token)
    if is_token and needed not in request.auth.scopes:
        raise PermissionDenied(f"This token lacks the scope “{needed}”." if needed else "Tokens may not do this.")
    if needed != Scope.SPEND or not request.user.is_authenticated:
        return
    if is_token:
        problem = spending.MAKE_ANOTHER if settings.TWO_STEP_TO_SPEND and not request.auth.two_step else ""
    else:
        problem = spending.obstacle(request)
    if problem:
        raise PermissionDenied(problem)


class UserThrottle(SimpleRateThrottle):
    """All that a person's programs and pages ask together."""

    scope = "user"

    def get_cache_key(self, request, view) -> str:
        who = request.user.pk if request.user.is_authenticated else self.get_ident(request)
        return self.cache_format % {"scope": self.scope, "ident": who}


class TokenThrottle(SimpleRateThrottle):
    """What one token asks."""

    scope = "token"

    def get_cache_key(self, request, view) -> str | None:
        if not isinstance(request.auth, Token):
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.auth.pk}
