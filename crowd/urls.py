"""Where workers arrive."""

urlpatterns = []
