# Nacelle in R: attached to the search path before the kernel starts.
# nacelle_file() copies an object for any reader, nacelle_url() gives a link to it, and
# nacelle_refresh() sets the storage keys by name.

nacelle_ask <- function(address) {
  token <- Sys.getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
  if (!nzchar(address) || !nzchar(token)) {
    stop("storage keys exist in a server or a job of the platform", call. = FALSE)
  }
  connection <- url(address, headers = c(Authorization = token), method = "libcurl")
  on.exit(close(connection))
  jsonlite::fromJSON(paste(readLines(connection, warn = FALSE), collapse = "\n"))
}

nacelle_refresh <- function() {
  keys <- nacelle_ask(Sys.getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
  Sys.setenv(
    AWS_ACCESS_KEY_ID = keys$AccessKeyId,
    AWS_SECRET_ACCESS_KEY = keys$SecretAccessKey,
    AWS_SESSION_TOKEN = keys$Token
  )
  invisible(keys$Expiration)
}

nacelle_url <- function(uri) {
  if (!grepl("^s3://[^/]+/.+", uri)) {
    stop(sprintf("'%s' does not name an object; write s3://bucket/key", uri), call. = FALSE)
  }
  base <- sub("/keys$", "/link", Sys.getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
  nacelle_ask(paste0(base, "?uri=", utils::URLencode(uri, reserved = TRUE)))$url
}

# A local copy, for any reader. Unlike a link it never stands in an error message with its signature.
nacelle_file <- function(uri) {
  link <- nacelle_url(uri)
  copy <- tempfile(fileext = sub("^[^.]*", "", basename(uri)))
  refused <- function(problem) {
    stop(sprintf("%s cannot be read: it is not there, or not yours", uri), call. = FALSE)
  }
  tryCatch(
    utils::download.file(link, copy, method = "libcurl", quiet = TRUE, mode = "wb"),
    error = refused,
    warning = refused
  )
  copy
}

if (Sys.getenv("NACELLE_STATIC_KEYS") == "1") {
  tryCatch(nacelle_refresh(), error = function(problem) message(conditionMessage(problem)))
}
