# Methods of class "mnmash_ud" (the package udr has a class "ud_fit").

#' Look at and use fitted prior covariances
#'
#' @param x,object a fit from [ud_fit()].
#' @param n how many components to print, largest first.
#' @param newdata data from [mash_set_data()] with the same `alpha` and conditions.
#' @param ... `predict()`: further arguments of [mash()], such as `A`, `output_lfdr` or
#'   `posterior_samples`; `plot()`: those of [plot.mnmash_prior()]. Otherwise none: any is an error.
#' @inheritParams shared_arguments
#'
#' @return `summary()`: an object of class `summary.mnmash_ud`, a list of what it prints.
#'   `logLik()`: the log-likelihood at the end, with the number of free parameters as `df`.
#'   `predict()`: a fit of class `mash`, the posteriors of the units of `newdata` under the fitted
#'   prior as it is, without a grid of scales or a null (unless one of the components is). For a
#'   prior with those, use `mash(newdata, object$U)`. `coef()`: the covariances.
#'   `as.data.frame()`, `tidy()`: the table of components; `glance()`: a data frame of one row.
#' @name ud_fit-methods
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 50, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat, alpha = 1)
#' fit <- ud_fit(data, K = 3, seed = 1)
#' summary(fit)
#' logLik(fit)
#' head(get_lfsr(predict(fit, data)))
NULL

#' @rdname ud_fit-methods
#' @export
print.mnmash_ud <- function(x, n = 10, ...) {
  take_dots(...)
  print(summary(x), n = n)
  invisible(x)
}

#' @rdname ud_fit-methods
#' @export
summary.mnmash_ud <- function(object, ...) {
  take_dots(...)
  kept <- c(
    "components", "update", "penalty", "lambda", "converged", "message", "n_iter", "n_rejected",
    "alpha", "n_units", "dropped"
  )
  last <- length(object$objective)
  found <- c(
    unclass(object)[kept],
    list(
      n_conditions = nrow(object$metric), loglik = object$loglik[last],
      objective = object$objective[last]
    )
  )
  structure(found, class = "summary.mnmash_ud")
}

#' @rdname ud_fit-methods
#' @export
print.summary.mnmash_ud <- function(x, n = 10, ...) {
  take_dots(...)
  cat(
    "Prior covariances of ", describe_units(x$n_units, x$n_conditions, x$alpha), "\n", sep = ""
  )
  cat(
    "  log-likelihood ", format(x$loglik, nsmall = 2),
    if (x$penalty != "none") {
      paste0(", penalised ", format(x$objective, nsmall = 2), " (\"", x$penalty, "\", lambda = ",
             format(x$lambda), ")")
    },
    "\n  ", if (x$converged) "converged" else "NOT converged", " in ", x$n_iter, " iterations (\"",
    x$update, "\"", if (x$n_rejected) paste0(", ", x$n_rejected, " steps taken back"), "): ",
    x$message, "\n",
    sep = ""
  )
  table <- x$components[order(-x$components$weight), ]
  more <- nrow(table) - n
  table <- utils::head(table, n)
  table$units <- round(table$units, 1)
  table[c("weight", "scale")] <- lapply(table[c("weight", "scale")], signif, 3)
  print(table, row.names = FALSE)
  if (more > 0) cat("  ...", more, "more, of less weight\n")
  if (length(x$dropped)) {
    cat("  dropped, of next to no weight: ", paste(utils::head(x$dropped, 5), collapse = ", "),
        and_more(length(x$dropped) - 4), "\n", sep = "")
  }
  invisible(x)
}

#' @rdname ud_fit-methods
#' @export
logLik.mnmash_ud <- function(object, ...) {
  take_dots(...)
  R <- nrow(object$metric)
  kind <- object$components$kind
  rank <- object$components$rank
  free <- ifelse(kind == "unconstrained", R * (R + 1) / 2, ifelse(kind == "scaled", 1, 0))
  low <- kind == "low rank"
  free[low] <- rank[low] * R - rank[low] * (rank[low] - 1) / 2
  structure(
    object$loglik[length(object$loglik)], df = sum(free) + length(kind) - 1,
    nobs = object$n_units, class = "logLik"
  )
}

#' @rdname ud_fit-methods
#' @export
predict.mnmash_ud <- function(object, newdata, ...) {
  check_handed_on(mash, list(...))
  if (missing(newdata)) {
    stop_mnmash(
      "argument", as_typed("newdata"),
      " is missing: the fit does not hold the data it was made from"
    )
  }
  check_mash_data(newdata)
  mash(newdata, g = ud_prior(object), fixg = TRUE, verbose = FALSE, ...)
}

# As fitted_g of mash(), without scales or a point mass.
ud_prior <- function(object) {
  list(
    pi = unname(object$w), Ulist = object$U, grid = 1, usepointmass = FALSE,
    units = object$units, alpha = object$alpha
  )
}

# What the functions of a fit of mash() read.
as_fitted <- function(object) {
  structure(
    list(fitted_g = ud_prior(object), alpha = object$alpha), class = c("mash_fit", "mash")
  )
}

#' @rdname as_prior
#' @export
as_prior.mnmash_ud <- function(x, conditions = NULL, ...) {
  take_dots(...)
  prior <- known_as(list(U = "x$U", w = "x$w"), new_prior(
    x$U, x$w, 0,
    V = x$V, loglik = x$loglik[length(x$loglik)], units = x$units, alpha = x$alpha,
    learnt = list(by = "ud_fit", n_units = x$n_units)
  ))
  kept_conditions(prior, conditions)
}

# Fits of the package udr: matrices with scales.
#' @rdname as_prior
#' @export
as_prior.ud_fit <- function(x, conditions = NULL, ...) {
  take_dots(...)
  as_prior.list(list(U = x$U, w = x$w, V = x$V), conditions)
}

#' @rdname ud_fit-methods
#' @export
nobs.mnmash_ud <- function(object, ...) {
  take_dots(...)
  object$n_units
}

#' @rdname ud_fit-methods
#' @export
coef.mnmash_ud <- function(object, ...) {
  take_dots(...)
  object$U
}

#' @rdname ud_fit-methods
#' @export
as.data.frame.mnmash_ud <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  x$components
}

#' @rdname ud_fit-methods
#' @export
plot.mnmash_ud <- function(x, ...) plot(as_prior.mnmash_ud(x), ...)

#' @rdname ud_fit-methods
#' @exportS3Method generics::tidy
tidy.mnmash_ud <- function(x, ...) {
  take_dots(...)
  x$components
}

#' @rdname ud_fit-methods
#' @exportS3Method generics::glance
glance.mnmash_ud <- function(x, ...) {
  take_dots(...)
  data.frame(
    n_units = x$n_units, n_conditions = nrow(x$metric), n_components = length(x$U),
    loglik = x$loglik[length(x$loglik)], alpha = x$alpha, converged = x$converged,
    iterations = x$n_iter
  )
}
