#!/usr/bin/env python3
"""Extracts from charts of the reference what an upgrade cannot change: kinds, names, selectors, roleRef.

Usage: make.py HELM PREPARED... where PREPARED are outputs of the reference's `nvflare deploy prepare` for the kits
nvflare-server and site-1 with default settings, named out28-nvflare-server, out28-site-1, out29-nvflare-server, out29-site-1 (out210-… for 2.10).
Needs PyYAML, which the reference installs. Writes reference.json into this directory.
"""
import json
import pathlib
import subprocess
import sys

import yaml

helm, *prepared = sys.argv[1:]
found = {}
for directory in map(pathlib.Path, prepared):
    target, _, participant = directory.name.removeprefix("out").partition("-")
    role = "server" if participant == "nvflare-server" else "client"
    text = subprocess.run([helm, "template", "site", directory / "helm_chart", "-n", "nvflare"], check=True, capture_output=True, text=True).stdout
    found[f"{role}-{target[0]}.{target[1:]}"] = [
        {
            "kind": item["kind"],
            "name": item["metadata"]["name"],
            "selector": item.get("spec", {}).get("selector"),
            "roleRef": item.get("roleRef"),
        }
        for item in sorted(filter(None, yaml.safe_load_all(text)), key=lambda item: item["kind"])
    ]
(pathlib.Path(__file__).parent / "reference.json").write_text(json.dumps(found, indent=1) + "\n")
