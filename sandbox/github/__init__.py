"""An emulator of the part of GitHub's REST API that this product uses, as `/api/v3/…` on loopback.

    store.py    what exists (organisations, repositories, secrets, …), kept in one JSON file
    git.py      blobs, trees, commits and branches of one repository
    access.py   who may see and change what
    api.py      a request as the routes see it, replies, errors, pages
    render.py   the JSON of each thing
    routes/     one module for each part of GitHub's documentation; each lists its ROUTES
    limits.py   rate limits and the faults that tests switch on
    admin.py    `/_sandbox/…`: what a test may do that GitHub does not offer
    app.py      the ASGI application: from the socket to a route and back
    client.py   typed access to `/_sandbox/…`

A new part of the API is a new module in routes/, a line in `app.py`, and where it has state a model in
store.py. Responses are held against GitHub's OpenAPI description in tests/sandbox/github.
"""
