"""python -m nearer verify PATH"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import nearer


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0, or 1 where something is wrong, with a sentence on standard error."""
    options = _parser().parse_args(arguments)
    try:
        return options.act(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _verify(options: argparse.Namespace) -> int:
    troubles = nearer.verify(options.path, each=lambda name, found: print(f"{'WRONG' if found else 'ok':5}  {name}"))
    for trouble in troubles:
        print(f"error: {trouble}", file=sys.stderr)
    print("all files are as promised" if not troubles else f"{len(troubles)} wrong")
    return 1 if troubles else 0


def _show(options: argparse.Namespace) -> int:
    release = nearer.load(options.path)
    print(release)
    for title, key in (("licence", "licence"), ("citation", "citation"), ("made with", "software")):
        if release.manifest.get(key):
            print(f"{title}: {release.manifest[key]}")
    print(f"joints: {', '.join(release.joints)}")
    print(f"people: {int(release.is_train.sum()):,} train, {int((~release.is_train).sum()):,} test")
    print(f"mean risk: {release.risk.mean():.4f}" if len(release) else "no pairs")
    return 0


def _compare(options: argparse.Namespace) -> int:
    print(nearer.compare(nearer.load(options.old), nearer.load(options.new)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nearer", description="Check, show and compare releases.")
    commands = parser.add_subparsers(required=True)
    for name, act, about, paths in (
        ("verify", _verify, "check every file of a release against its manifest", ("path",)),
        ("show", _show, "what a release holds", ("path",)),
        ("compare", _compare, "what changed between two releases", ("old", "new")),
    ):
        command = commands.add_parser(name, help=about, description=about[:1].upper() + about[1:] + ".")
        what = "a release's folder or zip" + ("" if name == "verify" else ", or the paper's JSON")
        for path in paths:
            command.add_argument(path, type=Path, help=what)
        command.set_defaults(act=act)
    return parser


if __name__ == "__main__":
    sys.exit(main())
