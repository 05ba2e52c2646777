"""The embedded S3 store: OpenStack Swift in one process, with the keys and rules of the platform.

`python -m nacelle.storage.embedded` runs it in the foreground. What each file holds:

    launcher    start, stop, exit codes          checks        what must hold before a start
    state       folders, rings, hash prefix      conf          the configuration texts (pure)
    channel     the inner sockets                cache         what Swift keeps in memory
    accesslog   one JSON line a request          front         the door: health, tokens, refusals
    sts, oidc   web token in, keys out           keys          mint and verify keys (pure)
    policy      who may do what (pure)           auth          Swift's side of keys and policy
    health      does the whole path answer       housekeeping  updates, reclaims, stale uploads
    tls         the installation's own CA        answers       S3 and STS error documents
    logs        Swift's log as JSON lines
"""
