#!/usr/bin/env python3
"""Fills a devpi-server with one project of so many releases, and keeps its simple page as the right answer.

    devpi_fill.py ADDRESS RELEASES PAGE

The archives are made from their number alone, so the page is the same on every machine. Before the page is kept, each
link on it is compared with the archive that was uploaded. Needs the standard library only.
"""

import base64, hashlib, html.parser, io, json, sys, urllib.request, zipfile

PROJECT = "benchline-example"
USER = "bench"
PASSWORD = "benchline"
INDEX = f"/{USER}/dev"


def sdist(release):
    """An sdist of one file, the same bytes every time."""
    text = f"Metadata-Version: 1.0\nName: {PROJECT}\nVersion: {release}\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{PROJECT}-{release}/PKG-INFO", (2000, 1, 1, 0, 0, 0)), text)
    return packed.getvalue()


def send(method, address, body=None, kind="application/json", credential=None):
    request = urllib.request.Request(address, body, method=method, headers={"Content-Type": kind, "Accept": "application/json"})
    if credential:
        request.add_header("X-Devpi-Auth", credential)
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def form(fields, name, content):
    """A multipart form with one file."""
    boundary = b"benchline-boundary"
    parts = [b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (key.encode(), value.encode())
             for key, value in fields.items()]
    parts.append(b'Content-Disposition: form-data; name="content"; filename="%s"\r\n'
                 b"Content-Type: application/octet-stream\r\n\r\n%s" % (name.encode(), content))
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts) + b"--%s--\r\n" % boundary
    return body, "multipart/form-data; boundary=" + boundary.decode()


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.found.append(dict(attributes)["href"])


def main(address, releases, page):
    send("PUT", f"{address}/{USER}", json.dumps({"password": PASSWORD}).encode())
    login = json.dumps({"user": USER, "password": PASSWORD}).encode()
    token = json.loads(send("POST", address + "/+login", login))["result"]["password"]
    credential = base64.b64encode(f"{USER}:{token}".encode()).decode()
    index = json.dumps({"type": "stage", "bases": [], "volatile": True}).encode()
    send("PUT", address + INDEX, index, credential=credential)
    right = set()
    for number in range(releases):
        release = f"1.{number}"
        content, name = sdist(release), f"{PROJECT}-{release}.zip"
        fields = {":action": "file_upload", "name": PROJECT, "version": release, "filetype": "sdist"}
        send("POST", address + INDEX + "/", *form(fields, name, content), credential=credential)
        right.add((name, "sha256=" + hashlib.sha256(content).hexdigest()))
    # As pip asked before it knew JSON: the page of links.
    with urllib.request.urlopen(f"{address}{INDEX}/+simple/{PROJECT}/") as answer:
        text = answer.read()
    links = Links()
    links.feed(text.decode())
    got = {(link.split("#")[0].rsplit("/", 1)[1], link.split("#")[1]) for link in links.found}
    if got != right or len(links.found) != releases:
        sys.exit(f"the simple page has {len(links.found)} links that are not those of the {releases} releases")
    with open(page, "wb") as file:
        file.write(text)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
