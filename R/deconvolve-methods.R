# Methods of class "deconvolved".

#' Look at deconvolved effects
#'
#' @param object,x what [deconvolve()] or [deconvolve_rss()] returned; the latter has no `fitted()`
#'   and `residuals()`.
#' @inheritParams mr_ash-methods
#'
#' @return `coef()`: posterior means of the regression, p x r. `predict()`, `fitted()`,
#'   `residuals()`: samples x r, `NA` where a sample has no response (for `"mr.ash"`). `nobs()`: the
#'   number of samples. `lfsr()`: p x r. `as.data.frame()`: a row for each predictor and condition
#'   with `predictor`, `condition`, `Bhat`, `Shat`, `mean`, `sd` and `lfsr`; `tidy()` of package
#'   generics gives the same in its words, `glance()` a row for each condition. `summary()`: by
#'   condition, residual variances, shares of variance explained and numbers of predictors with
#'   lfsr below 0.05. `plot()`: deconvolved effects against posterior means, a ggplot object.
#' @name deconvolve-methods
#' @examples
#' sim <- simulate_mr_mash(n = 100, p = 20, p_causal = 3, r = 2, pve = 0.4, seed = 1)
#' d <- deconvolve(sim$X, sim$Y)
#' summary(d)
#' head(as.data.frame(d), 3)
#' predict(d, sim$X[1:2, ])
NULL

#' @rdname deconvolve-methods
#' @export
print.deconvolved <- function(x, ...) {
  take_dots(...)
  cat(
    "deconvolved effects of ", counted(nrow(x$Bhat), "predictor"), " in ", ncol(x$Bhat),
    " conditions (", x$method, ")\n",
    sep = ""
  )
  cat("  ", counted(sum(apply(x$lfsr, 1L, min) < 0.05), "predictor"),
      " with lfsr < 0.05 in some condition\n", sep = "")
  cat("  ", if (all(x$converged)) "all fits converged" else paste(
    sum(!x$converged), "fits have NOT converged"
  ), "; give it to mash_set_data()\n", sep = "")
  invisible(x)
}

#' @rdname deconvolve-methods
#' @export
coef.deconvolved <- function(object, ...) {
  take_dots(...)
  object$PosteriorMean
}

#' @rdname lfsr
#' @export
lfsr.deconvolved <- function(x, ...) {
  take_dots(...)
  if (is.null(x[["lfsr"]])) {
    stop_mnmash(
      "argument", as_typed("x"), " has no local false sign rates: leave out `covariance = \"none\"`"
    )
  }
  x$lfsr
}

#' @rdname deconvolve-methods
#' @export
predict.deconvolved <- function(object, newdata = NULL, covariates = NULL, ...) {
  take_dots(...)
  if (object$method == "mnm") return(stats::predict(object$fit, newdata, covariates))
  if (is.null(newdata)) {
    if (!is.null(covariates)) own_values(object, "fitted", covariates)
    return(of_samples(object, "fitted"))
  }
  values <- lapply(fits_of(object), \(fit) stats::predict(fit, newdata, covariates))
  values <- do.call(cbind, values)
  colnames(values) <- colnames(object$Bhat)
  values
}

# What the fits of the conditions say of their own samples, samples x r.
of_samples <- function(object, what) {
  if (is.null(object$samples)) own_values(list(), what)
  names <- if (is.character(object$samples)) object$samples
  n <- if (is.null(names)) check_count(object$samples, name = "object$samples") else length(names)
  fits_of(object)
  values <- matrix(NA_real_, n, length(object$fits), dimnames = list(names, colnames(object$Bhat)))
  for (j in seq_along(object$fits)) {
    fit <- object$fits[[j]]
    own <- fit[[what]]
    if (!is.numeric(fit$rows) || !all(fit$rows %in% seq_len(n)) ||
          length(own) != length(fit$rows)) {
      stop_mnmash("damaged", as_typed("object"), " has fits of other samples than its `samples`")
    }
    values[fit$rows, j] <- own
  }
  values
}

#' @rdname deconvolve-methods
#' @export
fitted.deconvolved <- function(object, ...) {
  take_dots(...)
  stats::predict(object)
}

#' @rdname deconvolve-methods
#' @export
residuals.deconvolved <- function(object, ...) {
  take_dots(...)
  if (object$method == "mnm") return(stats::residuals(object$fit))
  of_samples(object, "y") - of_samples(object, "fitted")
}

#' @rdname deconvolve-methods
#' @export
nobs.deconvolved <- function(object, ...) {
  take_dots(...)
  if (object$method == "mnm") return(stats::nobs(object$fit))
  if (is.null(object$samples)) return(object$fits[[1L]]$n)
  if (is.character(object$samples)) length(object$samples) else object$samples
}

#' @rdname deconvolve-methods
#' @export
as.data.frame.deconvolved <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  effects_table(
    rownames(x$Bhat), list(
      Bhat = x$Bhat, Shat = x$Shat, mean = x$PosteriorMean, sd = x$PosteriorSD, lfsr = x[["lfsr"]]
    ), colnames_or_numbers(x$Bhat)
  )
}

#' @exportS3Method generics::tidy
tidy.deconvolved <- function(x, ...) {
  take_dots(...)
  tidy_effects(as.data.frame(x))
}

#' @exportS3Method generics::glance
glance.deconvolved <- function(x, ...) {
  take_dots(...)
  by_condition(x)
}

# The fits of the conditions.
fits_of <- function(x) {
  if (is.null(x$fits)) {
    stop_mnmash("damaged", as_typed("x"), " has no fits of its conditions: make it again")
  }
  x$fits
}

# A row for each condition.
by_condition <- function(x) {
  data.frame(
    condition = colnames_or_numbers(x$Bhat), sigma2 = unname(x$sigma2),
    pve = unname(if (x$method == "mnm") x$fit$pve else vapply(fits_of(x), `[[`, 1, "pve")),
    significant = if (is.null(x[["lfsr"]])) NA_integer_ else unname(colSums(x$lfsr < 0.05)),
    converged = unname(x$converged)
  )
}

#' @rdname deconvolve-methods
#' @export
summary.deconvolved <- function(object, ...) {
  take_dots(...)
  structure(list(fit = object, conditions = by_condition(object)), class = "summary.deconvolved")
}

#' @rdname deconvolve-methods
#' @export
print.summary.deconvolved <- function(x, ...) {
  take_dots(...)
  print(x$fit)
  print(x$conditions, row.names = FALSE, digits = 3)
  invisible(x)
}

#' @rdname deconvolve-methods
#' @export
plot.deconvolved <- function(x, ...) {
  take_dots(...)
  need_ggplot2()
  cells <- as.data.frame(x)
  cells <- cells[!is.na(cells$Bhat), ]
  cells$condition <- factor(cells$condition, colnames_or_numbers(x$Bhat))
  ggplot2::ggplot(cells, ggplot2::aes(x = .data$Bhat, y = .data$mean)) +
    ggplot2::geom_abline(colour = "grey80") +
    ggplot2::geom_point(size = 1) +
    ggplot2::facet_wrap(ggplot2::vars(.data$condition)) +
    ggplot2::labs(x = "deconvolved effect", y = "posterior mean") +
    ggplot2::theme_minimal()
}
