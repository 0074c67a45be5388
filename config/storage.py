"""Static files under hashed names, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Hashes ES modules' imports too; a file missing from the manifest is served by its plain name."""

    support_js_module_import_aggregation = True
    manifest_strict = False
