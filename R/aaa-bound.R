# Bounds that stand where a log-likelihood is asked for.

# A lower bound on the log-likelihood, for logLik(): said to be one when it is printed.
bound_loglik <- function(bound, df, nobs) {
  structure(bound, df = df, nobs = nobs, class = c("mnmash_bound", "logLik"))
}

#' @export
print.mnmash_bound <- function(x, digits = getOption("digits"), ...) {
  take_dots(...)
  cat(
    "lower bound on the log-likelihood ", format(c(x), digits = digits), " (df=",
    format(attr(x, "df")), ")\n",
    sep = ""
  )
  invisible(x)
}
