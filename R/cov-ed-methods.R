# Methods of class "ed".

#' Look at a fit of extreme deconvolution
#'
#' @param x,object a fit of [ed()].
#' @param n how many components to print, largest first.
#' @inheritParams shared_arguments
#'
#' @return `summary()`: an object of class `summary.ed`, what is printed. `as.data.frame()` (and
#'   `tidy()` of package generics): a row for each component with `component`, `pi`, `rank` and
#'   `largest_sd`, the largest standard deviation among its effects. `coef()`: the covariances, a
#'   list. `logLik()`: the log-likelihood, with the number of free parameters; `nobs()`: the number
#'   of units. `plot()`: the objective by step (by ggplot2).
#' @name ed-methods
#' @examples
#' set.seed(1)
#' fit <- ed(matrix(rnorm(600), ncol = 3), list(s = 0.5), U = 2)
#' summary(fit)
#' as.data.frame(fit)
NULL

#' @rdname ed-methods
#' @export
print.ed <- function(x, n = 10, ...) {
  take_dots(...)
  print(summary(x), n = n)
  invisible(x)
}

#' @rdname ed-methods
#' @export
summary.ed <- function(object, ...) {
  take_dots(...)
  structure(
    list(
      components = ed_components(object), n_effects = nrow(object$U[[1L]]),
      n_units = object$n_units, loglik = object$loglik, n_iter = object$n_iter,
      converged = object$converged, message = object$message
    ),
    class = "summary.ed"
  )
}

ed_components <- function(fit) {
  data.frame(
    component = names(fit$U), pi = unname(fit$pi), rank = unname(fit$ranks),
    largest_sd = unname(vapply(fit$U, \(u) sqrt(max(diag(u))), 0))
  )
}

#' @rdname ed-methods
#' @export
print.summary.ed <- function(x, n = 10, ...) {
  take_dots(...)
  n <- check_count(n)
  cat(
    "Extreme deconvolution: ", nrow(x$components), " components, ", x$n_effects, " effects, ",
    counted(x$n_units, "unit"), "\n", "Log-likelihood ", format(x$loglik, digits = 8), " after ",
    x$n_iter, " steps", if (!x$converged) " (NOT converged)", ": ", x$message, "\n",
    sep = ""
  )
  table <- x$components[order(-x$components$pi), ]
  more <- nrow(table) - n
  table <- utils::head(table, n)
  table[c("pi", "largest_sd")] <- lapply(table[c("pi", "largest_sd")], signif, 3)
  print(table, row.names = FALSE)
  if (more > 0) cat("  ...", more, "more, of less weight\n")
  invisible(x)
}

#' @rdname ed-methods
#' @export
logLik.ed <- function(object, ...) {
  take_dots(...)
  R <- nrow(object$U[[1L]])
  free <- length(object$U) * (R * (R + 1) / 2 + if (is.null(object$means)) 0 else R) +
    length(object$U) - 1
  structure(object$loglik, df = free, nobs = object$n_units, class = "logLik")
}

#' @rdname ed-methods
#' @export
nobs.ed <- function(object, ...) {
  take_dots(...)
  object$n_units
}

#' @rdname ed-methods
#' @export
coef.ed <- function(object, ...) {
  take_dots(...)
  object$U
}

#' @rdname ed-methods
#' @export
as.data.frame.ed <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  ed_components(x)
}

#' @rdname ed-methods
#' @export
plot.ed <- function(x, file = NULL, ...) {
  take_dots(...)
  need_ggplot2()
  shown <- data.frame(step = seq_along(x$trace) - 1, objective = x$trace)
  plot <- ggplot2::ggplot(shown, ggplot2::aes(.data$step, .data$objective)) +
    ggplot2::geom_line(colour = "#2a6f97") +
    ggplot2::geom_point(colour = "#2a6f97", size = 0.8) +
    ggplot2::labs(x = "step", y = "objective", title = x$message) +
    ggplot2::theme_minimal() +
    ggplot2::theme(plot.title = ggplot2::element_text(size = 10))
  picture(plot, 5, 3.5, file)
}

#' @exportS3Method generics::tidy
tidy.ed <- function(x, ...) {
  take_dots(...)
  ed_components(x)
}

#' @exportS3Method generics::glance
glance.ed <- function(x, ...) {
  take_dots(...)
  data.frame(
    n_units = x$n_units, n_effects = nrow(x$U[[1L]]), n_components = length(x$U),
    loglik = x$loglik, converged = x$converged, iterations = x$n_iter
  )
}

#' @rdname as_prior
#' @export
as_prior.ed <- function(x, conditions = NULL, ...) {
  take_dots(...)
  if (any(x$means != 0)) {
    stop_mnmash(
      "argument", as_typed("x"), " has means that are not zero: it is no prior of this kind"
    )
  }
  prior <- new_prior(
    x$U, x$pi, 0,
    units = x$units, learnt = list(by = "ed", n_units = x$n_units)
  )
  kept_conditions(prior, conditions)
}
