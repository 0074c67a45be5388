"""A person's tokens for programs: `/api/v1/tokens/`. They are made in the panel, where their maker has logged in."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from access.authentication import require_scope
from access.filtering import Filters
from access.idempotency import Once
from access.models import Scope, Token
from access.trail import noted


class TokenSerializer(serializers.ModelSerializer):
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.values), read_only=True)
    state = serializers.SerializerMethodField()
    is_this = serializers.SerializerMethodField(help_text="The one that asks.")

    class Meta:
        model = Token
        fields = ["id", "name", "scopes", "state", "is_this", "created_at", "expires_at", "revoked_at"]
        read_only_fields = fields

    def get_state(self, token: Token) -> str:
        return token.state(timezone.now())

    def get_is_this(self, token: Token) -> bool:
        return self.context["request"].auth == token


class OwnTokens(permissions.BasePermission):
    def has_permission(self, request, view) -> bool:
        require_scope(request, view)
        return bool(request.user and request.user.is_staff)


class TokenViewSet(Once, viewsets.ReadOnlyModelViewSet):
    """The caller's tokens; administrators see all. What they open with is told nobody again."""

    scope = Scope.RUN
    queryset = Token.objects.order_by("-pk")
    serializer_class = TokenSerializer
    filterset_class = Filters
    permission_classes = [OwnTokens]

    def get_queryset(self):
        return super().get_queryset().owned_by(self.request.user)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def revoke(self, request, pk: str) -> Response:
        """Let nobody in with it any more; twice is once."""
        token = self.get_object()
        token.revoke(timezone.now())
        noted(request.user, token, "Revoked.")
        return Response(self.get_serializer(token).data)
