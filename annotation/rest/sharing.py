"""Whom a data set or a campaign is shared with, for programs: `shares/` under either."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.response import Response

from access.models import Scope, Token
from access.sharing import Role, Share
from access.trail import noted
from annotation.panel.sharing import colleagues, may_share

NAMES = [(role.name.lower(), role.label) for role in Role]


class ShareSerializer(serializers.Serializer):
    """A colleague, by the name with which he logs in, and what he may do; each role includes those before it."""

    user = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(NAMES)
    shared_by = serializers.CharField(read_only=True, allow_null=True)
    shared_at = serializers.DateTimeField(read_only=True)

    def to_representation(self, share: Share) -> dict:
        return {
            "user": share.user.get_username(), "role": Role(share.role).name.lower(),
            "shared_by": share.shared_by.get_username() if share.shared_by else None, "shared_at": share.shared_at,
        }


class Shared:
    """For views of data sets and of campaigns: their owner and administrators say who else may do what with them."""

    @extend_schema(responses=ShareSerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def shares(self, request, pk: str) -> Response:
        """Everybody it is shared with."""
        return Response(ShareSerializer(self._own().shares.select_related("user", "shared_by"), many=True).data)

    @extend_schema(request=ShareSerializer, responses={200: ShareSerializer})
    @shares.mapping.post
    def share(self, request, pk: str) -> Response:
        """Share it with a colleague, or give one that it is shared with another role."""
        thing, wanted = self._own(), ShareSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        name, role = wanted.validated_data["user"], Role[wanted.validated_data["role"].upper()]
        if role == Role.SPEND and isinstance(request.auth, Token) and Scope.SPEND not in request.auth.scopes:
            raise PermissionDenied(f"Who lets others spend needs the scope “{Scope.SPEND}” too.")
        user = colleagues(thing).filter(username=name).first()
        if user is None:
            raise serializers.ValidationError({"user": "No colleague of this name can be shared with."})
        share, is_new = thing.shares.update_or_create(user=user, defaults={"role": role, "shared_by": request.user})
        words = f"Shared with {user}, who may {role.label}." if is_new else f"{user} may now {role.label}."
        noted(request.user, thing, words)
        return Response(ShareSerializer(share).data)

    @extend_schema(responses={204: OpenApiResponse(description="It is no longer shared.")})
    @action(detail=True, methods=["delete"], url_path=r"shares/(?P<user>[\w.@+-]+)")
    def unshare(self, request, pk: str, user: str) -> Response:
        """Share it no longer with this colleague."""
        thing = self._own()
        share = thing.shares.select_related("user").filter(user__username=user).first()
        if share is None:
            raise NotFound("It is not shared with anybody of this name.")
        share.delete()
        noted(request.user, thing, f"No longer shared with {share.user}.")
        return Response(status=204)

    def _own(self):
        thing = self.get_object()
        if not may_share(self.request, thing):
            raise PermissionDenied("Only its owner and administrators share it with others.")
        return thing
