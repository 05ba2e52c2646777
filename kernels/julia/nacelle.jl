# Nacelle in Julia (not verified here): the same two functions as in R, with the standard library
# and JSON, which IJulia brings.
module Nacelle

import Downloads
import JSON

function ask(address)
    token = get(ENV, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    isempty(token) && error("storage keys exist in a server or a job of the platform")
    answer = Downloads.download(address, IOBuffer(); headers = ["Authorization" => token])
    return JSON.parse(String(take!(answer)))
end

"Set the storage keys by name; returns when they end."
function refresh()
    keys = ask(ENV["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    ENV["AWS_ACCESS_KEY_ID"] = keys["AccessKeyId"]
    ENV["AWS_SECRET_ACCESS_KEY"] = keys["SecretAccessKey"]
    ENV["AWS_SESSION_TOKEN"] = keys["Token"]
    return keys["Expiration"]
end

const UNRESERVED = Set{UInt8}(codeunits(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
))

escape(text) = join(
    byte in UNRESERVED ? string(Char(byte)) : "%" * uppercase(string(byte, base = 16, pad = 2))
    for byte in codeunits(text)
)

"A link by which any program may read the object `s3://bucket/key` for fifteen minutes."
function url(uri)
    occursin(r"^s3://[^/]+/.+", uri) ||
        error("'$uri' does not name an object; write s3://bucket/key")
    base = replace(ENV["AWS_CONTAINER_CREDENTIALS_FULL_URI"], r"/keys$" => "/link")
    return ask(base * "?uri=" * escape(uri))["url"]
end

end

if get(ENV, "NACELLE_STATIC_KEYS", "") == "1"
    try
        Nacelle.refresh()
    catch problem
        @warn "Storage keys were not set" problem
    end
end
