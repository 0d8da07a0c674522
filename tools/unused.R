# Lists functions of R/ and of the Rust face that nothing in R/ calls. Part of `make lint`.
#
#   Rscript tools/unused.R      from the package's root; exit status 1 if there are any
words <- function(e) {
  if (is.name(e) || is.character(e)) return(as.character(e))
  if (is.call(e) || is.pairlist(e) || is.expression(e)) {
    return(unlist(lapply(as.list(e), \(part) if (missing(part)) NULL else words(part))))
  }
}

code <- lapply(list.files("R", full.names = TRUE), parse, keep.source = FALSE)
defined <- used <- character()
for (e in unlist(lapply(code, as.list))) {
  if (is.call(e) && identical(e[[1L]], quote(`<-`)) && is.name(e[[2L]])) {
    name <- as.character(e[[2L]])
    defined <- c(defined, name)
    used <- c(used, setdiff(words(e[[3L]]), name))
  } else {
    used <- c(used, words(e))
  }
}
used <- c(used, paste0("rust_", used)) # how call_core() finds functions of Rust
namespace <- parseNamespaceFile(basename(getwd()), dirname(getwd()))
methods <- apply(namespace$S3methods[, 1:2, drop = FALSE], 1L, paste, collapse = ".")
unused <- setdiff(defined, c(used, namespace$exports, methods, ".onLoad", ".onUnload"))
if (length(unused)) stop("nothing calls ", paste(unused, collapse = ", "), call. = FALSE)
