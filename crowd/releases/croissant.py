"""Croissant metadata (MLCommons, version 1.0): what search engines index and loaders read."""

from __future__ import annotations

import json

from crowd.releases.rows import About
from crowd.releases.tables import MEANINGS, PAIRS, VOTES, WORKERS

CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet", "format": "cr:format",
    "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "samplingRate": "cr:samplingRate", "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source",
    "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip
ENCODINGS = {
    ".csv": "text/csv", ".parquet": "application/x-parquet", ".json": "application/json", ".md": "text/markdown",
    ".npz": "application/zip",
}
TEXT, WHOLE, REAL, YES_OR_NO = "sc:Text", "sc:Integer", "sc:Float", "sc:Boolean"
TYPES = {
    "image": TEXT, "person": WHOLE, "first": WHOLE, "second": WHOLE, "first_joint": TEXT, "second_joint": TEXT,
    "p_first": REAL, "risk": REAL, "votes": WHOLE, "split": TEXT, "worker": TEXT, "chose_first": YES_OR_NO,
    "first_is_green": YES_OR_NO, "first_is_left": YES_OR_NO, "response_ms": WHOLE, "agreement": REAL, "skill": REAL,
    "skill_low": REAL, "skill_high": REAL, "kind": TEXT, "green_bias": REAL, "left_bias": REAL,
}


def metadata(about: About, files: dict[str, dict], campaign_days: tuple[str | None, str | None]) -> bytes:
    """The content of `croissant.json`.

    Args:
        files: name to `bytes` and `sha256`, of the files it describes.
        campaign_days: first and last day of the votes, ISO; the last one dates the data set.
    """
    suffix = ".parquet" if "pairs.parquet" in files else ".csv"
    found = {
        "@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.0", "name": about.name,
        "description": about.description or f"Relative depth of pairs of joints, by crowd votes, on {about.dataset['name']}.",
        "license": about.licence or "not stated", "citeAs": about.citation or about.dataset["name"], "version": "1.0.0",
        "url": f"urn:nearer:release:{about.name}", "keywords": ["relative depth", "3D human pose", "crowdsourcing"],
        "isLiveDataset": False,
        "distribution": [
            {
                "@type": "cr:FileObject", "@id": name, "name": name, "contentUrl": name,
                "encodingFormat": ENCODINGS[name[name.rindex("."):]], "contentSize": f"{facts['bytes']} B",
                "sha256": facts["sha256"],
            }
            for name, facts in sorted(files.items())
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet", "@id": table, "name": table,
                "description": words,
                "field": [
                    {
                        "@type": "cr:Field", "@id": f"{table}/{column}", "name": f"{table}/{column}",
                        "description": MEANINGS[column], "dataType": TYPES[column],
                        "source": {"fileObject": {"@id": table + suffix}, "extract": {"column": column}},
                    }
                    for column in columns
                ],
            }
            for table, columns, words in (
                ("pairs", PAIRS, "One row for each pair of joints, with its merged probability."),
                ("votes", VOTES, "One row for each vote that was merged."),
                ("workers", WORKERS, "One row for each person who voted, under a pseudonym."),
            )
        ],
    }
    if campaign_days[1]:
        found["dateCreated"] = found["datePublished"] = campaign_days[1]
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
