# SPDX-License-Identifier: Apache-2.0
"""Roles by product, written by code that shares nothing with the program: a maker's releases, divided.

`divide` moves what release~ID and maker~ID list into release~ID~PRODUCT and maker~ID~PRODUCT (docs/formats.md 2) in
a served tree; `fill` adds synthetic products first, for measuring.
"""
import hashlib

import tree


def below(above, role, product, maker, targets):
    """The document of one product's role."""
    return {"_type": "targets", "spec_version": above["spec_version"], "version": 1, "expires": above["expires"],
            "targets": targets, "x-hallmark": {**above["x-hallmark"], "product": product}}


def delegation(role, product, maker, keys, threshold):
    return {"name": f"{role}~{product}", "keyids": sorted(k.keyid for k in keys), "threshold": threshold,
            "paths": [f"{maker}/{product}/*/*"], "terminating": True}


def fill(targets, maker, products, files):
    """Synthetic products, each with one release of so many files."""
    for product in range(products):
        for number in range(files):
            path = f"{maker}/p{product:05}/1.0/file{number:03}.rom"
            targets[path] = {"length": len(path), "hashes": {"sha256": hashlib.sha256(path.encode()).hexdigest()}}


def divide(public, maker, release_keys, maker_keys, online, sides=("release", "maker"), extra=None, thresholds=None):
    """Signs anew with these keys, all of them or a threshold; returns the products."""
    documents, products = {}, []
    for side, keys in (("release", release_keys), ("maker", maker_keys)):
        role = f"{side}~{maker}"
        above = tree.next_version(public.load(role)["signed"])
        if extra is not None:
            extra(above["targets"])
        if side in sides:
            groups = {}
            for path, target in above["targets"].items():
                groups.setdefault(path.split("/")[1], {})[path] = target
            above["targets"] = {}
            above["delegations"] = {"keys": {k.keyid: k.tuf for k in keys},
                                    "roles": [delegation(role, p, maker, keys, (thresholds or {}).get(side, len(keys))) for p in sorted(groups)]}
            products = sorted(groups)
            for product, targets in groups.items():
                name = f"{role}~{product}"
                documents[name] = public.store(name, below(above, role, product, maker, targets), keys)
        documents[role] = public.store(role, above, keys)
    public.reference(documents, online)
    return products
