"""Checks with the parent's own Python: its packages, its connections to the API server and to the FLARE server, its mounted kit.

Reads a request as JSON and prints one JSON document. The standard library alone; Python 3.8 and newer. Prints no content of a file.
"""

import hashlib
import http.client
import json
import os
import socket
import ssl
import sys

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
SECONDS = 8


def fault(error):
    """An exception as a kind, by which the caller decides, and a message."""
    kinds = [
        (socket.gaierror, "name"),
        (ssl.SSLCertVerificationError, "certificate"),
        (ssl.SSLError, "tls"),
        (ConnectionRefusedError, "refused"),
        (ConnectionError, "closed"),
        (FileNotFoundError, "missing"),
        (PermissionError, "denied"),
        (ImportError, "import"),
        ((TimeoutError, socket.timeout), "timeout"),
    ]
    kind = next((kind for known, kind in kinds if isinstance(error, known)), "other")
    code = getattr(error, "verify_code", None)
    said = getattr(error, "verify_message", None) or getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return {"kind": kind, "code": code, "said": str(said)[:300]}


def attempt(step):
    """The result of a step, or its failure."""
    try:
        return {"value": step()}
    except Exception as error:
        return {"fault": fault(error)}


def version(package):
    from importlib import metadata

    return metadata.version(package)


def room():
    """The memory that this container has left, in bytes; None if it has no limit or that cannot be read."""
    for limit, used in (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")):
        try:
            with open("/sys/fs/cgroup/" + limit) as file, open("/sys/fs/cgroup/" + used) as other:
                return int(file.read()) - int(other.read())
        except (OSError, ValueError):
            continue
    return None


def import_kubernetes():
    """Only reads the version if little memory is left: an import counts towards the parent's limit, so it could be killed."""
    left = room()
    if left is not None and left < 256 << 20:
        return version("kubernetes")
    import kubernetes

    return kubernetes.__version__


def digest(path):
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            sha256.update(block)
    return sha256.hexdigest()


def kit(root, files):
    """How the files below the workspace differ from the prepared ones."""
    different = {"missing": [], "changed": [], "unreadable": []}
    for path, expected in files.items():
        try:
            if digest(os.path.join(root, path)) != expected:
                different["changed"].append(path)
        except FileNotFoundError:
            different["missing"].append(path)
        except OSError:
            different["unreadable"].append(path)
    return different


def context(authorities, strict):
    made = ssl.create_default_context(cafile=authorities)
    if strict:
        made.verify_flags |= ssl.VERIFY_X509_STRICT
    else:
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return made


def api_server(strict):
    """A connection to the API server, which the first request opens."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    authorities = context(ACCOUNT + "/ca.crt", strict)
    return http.client.HTTPSConnection(host, int(port), timeout=SECONDS, context=authorities)


def ask(connection, token, review):
    body = json.dumps(review)
    headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
    for is_last in (False, True):
        try:
            connection.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, (json.loads(text) if answer.status < 300 else {})
        except ConnectionError:
            # One that was kept open may have been closed meanwhile; the next request opens it anew.
            connection.close()
            if is_last:
                raise


def api(namespace, rights):
    """Whether the parent's account reaches the API server, also by strict rules, and its permissions there."""
    with open(ACCOUNT + "/token") as file:
        token = file.read().strip()

    def review(right):
        attributes = {"namespace": namespace, "group": right["group"], "resource": right["resource"], "verb": right["verb"]}
        spec = {"resourceAttributes": attributes}
        return {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}

    strict = attempt(lambda: ask(api_server(True), token, review(rights[0]))[0])
    refused, status, connection = [], 0, api_server(False)
    for right in rights:
        status, answer = ask(connection, token, review(right))
        if status >= 300:
            break
        if not answer.get("status", {}).get("allowed"):
            refused.append(right)
    connection.close()
    return {"strict": strict, "status": status, "refused": refused}


def shake_hands(link, address, check_name):
    made = context(link["root"], False)
    made.check_hostname = check_name
    made.set_alpn_protocols(["h2"])
    if link["certificate"]:
        made.load_cert_chain(link["certificate"], link["key"])
    with socket.create_connection(address, timeout=SECONDS) as plain:
        with made.wrap_socket(plain, server_hostname=link["name"]) as secured:
            names = [name for _, name in secured.getpeercert().get("subjectAltName", ())]
            # With TLS 1.3 a certificate is refused only after the handshake; a server that accepts it sends nothing, or its settings.
            secured.settimeout(2)
            try:
                closed = secured.recv(1) == b""
            except (TimeoutError, socket.timeout):
                closed = False
            return {"names": names, "closed": closed}


def link(link):
    """A connection as the participant makes it: the name, the port, and mutual TLS with the kit's own certificate."""
    host, port = link["host"], link["port"]
    found = {"resolved": attempt(lambda: sorted({entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}))}
    if "fault" in found["resolved"]:
        return found

    def connect():
        socket.create_connection((host, port), timeout=SECONDS).close()
        return True

    found["connected"] = attempt(connect)
    if "fault" in found["connected"] or not link["tls"]:
        return found
    found["tls"] = attempt(lambda: shake_hands(link, (host, port), True))
    if found["tls"].get("fault", {}).get("kind") == "certificate":
        # The names in the certificate, if only the name is wrong.
        found["without_name"] = attempt(lambda: shake_hands(link, (host, port), False))
    return found


def main(request):
    packages = {package: attempt(lambda package=package: version(package)) for package in ("nvflare", "kubernetes", "urllib3")}
    return {
        "python": list(sys.version_info[:3]),
        "openssl": ssl.OPENSSL_VERSION,
        "packages": packages,
        "kubernetes": attempt(import_kubernetes),
        "kit": kit(request["root"], request["files"]),
        "api": attempt(lambda: api(request["namespace"], request["rights"])),
        "links": {one["id"]: link(one) for one in request["links"]},
    }


json.dump(main(json.loads(sys.stdin.buffer.read(int(sys.argv[2])))), sys.stdout)
