# Methods of class "mr_ash".

#' Look at a regression with adaptive shrinkage
#'
#' @param object,x a fit from [mr_ash()] or [mr_ash_rss()] (which has no `fitted()`, `residuals()`
#'   or intercept).
#' @param newdata predictors of new samples, in the units of the fit's: a matrix, data frame, sparse
#'   matrix, or a vector for one sample. Default: those of the fit. Predictors are found by name,
#'   in any order and among others, where the fit and `newdata` have names.
#' @param covariates covariates of the new samples, if the fit has some: their variables are found
#'   by name, levels of factors must be among those of the fit, and rows are matched by name.
#' @param which `"trace"` of the bound, `"coefficients"`, or `"prior"`: the weights against the
#'   prior standard deviations.
#' @inheritParams shared_arguments
#'
#' @return `coef()`: the intercept, coefficients of the covariates, and posterior means, named.
#'   `predict()`, `fitted()`, `residuals()`: one number for each sample. `logLik()`: the bound on
#'   the log-likelihood, with the number of parameters estimated by maximum likelihood. `nobs()`:
#'   the number of samples. `lfsr()`: p
#'   numbers. `as.data.frame()`: a row for each predictor with `predictor`, `mean`, `sd`, `lfsr` and
#'   `lfdr`; `tidy()` and `glance()` of package generics give the same in its words, and a row for
#'   the fit. `summary()`: an object of class `summary.mr_ash` with `pve` (the share of the variance
#'   of `y`, less that of the covariates, that the predictors explain, posterior mean), `pi` by
#'   prior standard deviation, and the coefficients with the smallest lfsr. `plot()`: a ggplot
#'   object.
#' @name mr_ash-methods
#' @examples
#' sim <- simulate_mr_mash(n = 200, p = 50, p_causal = 4, r = 1, pve = 0.5, seed = 1)
#' fit <- mr_ash(sim$X, sim$Y)
#' summary(fit)
#' plot(fit)
NULL

#' @rdname mr_ash-methods
#' @export
coef.mr_ash <- function(object, ...) {
  take_dots(...)
  beta <- object$beta
  if (is.null(names(beta))) names(beta) <- paste0("X", seq_along(beta))
  c(object$covariates, beta)
}

#' @rdname mr_ash-methods
#' @export
predict.mr_ash <- function(object, newdata = NULL, covariates = NULL, ...) {
  take_dots(...)
  if (is.null(newdata)) return(own_values(object, "fitted", covariates))
  constant <- names(object$covariates) %in% "(Intercept)"
  values <- new_values(
    newdata, covariates, as.matrix(object$beta), sum(object$covariates[constant]),
    object$covariates[!constant], object$terms
  )
  stats::setNames(as.vector(values), rownames(values))
}

#' @rdname mr_ash-methods
#' @export
fitted.mr_ash <- function(object, ...) {
  take_dots(...)
  own_values(object, "fitted")
}

#' @rdname mr_ash-methods
#' @export
residuals.mr_ash <- function(object, ...) {
  take_dots(...)
  object$y - own_values(object, "fitted")
}

#' @rdname mr_ash-methods
#' @export
logLik.mr_ash <- function(object, ...) {
  take_dots(...)
  parameters <- sum(object$pi > 0) - 1 + 1 + sum(!is.na(object$covariates))
  bound_loglik(object$elbo, parameters, object$n)
}

#' @rdname mr_ash-methods
#' @export
nobs.mr_ash <- function(object, ...) {
  take_dots(...)
  if (object$n > 0) return(object$n)
  stop_mnmash(
    "argument", as_typed("object"),
    " does not know the number of samples: it was fitted without `n`"
  )
}

#' @rdname mr_ash-methods
#' @export
as.data.frame.mr_ash <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  effects_table(
    names(x$beta), list(mean = x$beta, sd = x$posterior_sd, lfsr = x$lfsr, lfdr = x$lfdr)
  )
}

#' @exportS3Method generics::tidy
tidy.mr_ash <- function(x, ...) {
  take_dots(...)
  tidy_effects(as.data.frame(x))
}

#' @exportS3Method generics::glance
glance.mr_ash <- function(x, ...) {
  take_dots(...)
  data.frame(
    elbo = x$elbo, sigma2 = x$sigma2, pve = if (is.null(x$pve)) NA_real_ else x$pve,
    null_weight = sum(x$pi[x$sa2 == 0]), nobs = x$n, predictors = x$p, converged = x$converged,
    iterations = x$iterations
  )
}

#' @rdname lfsr
#' @export
lfsr.mr_ash <- function(x, ...) {
  take_dots(...)
  x$lfsr
}

#' @rdname mr_ash-methods
#' @export
print.mr_ash <- function(x, ...) {
  take_dots(...)
  cat(
    "mr.ash fit of ", counted(x$p, "predictor"), if (is.finite(x$n)) paste0(
      " and ", counted(round(x$n), "sample")
    ), "\n",
    sep = ""
  )
  cat(
    "  bound on the log-likelihood ", format(x$elbo, nsmall = 2), "; ",
    if (x$converged) "converged" else paste("NOT converged:", x$message), " in ", x$iterations,
    " sweeps\n",
    sep = ""
  )
  zero <- sum(x$pi[x$sa2 == 0])
  cat(
    "  residual variance ", format(x$sigma2, digits = 4), "; ", format(100 * zero, digits = 3),
    "% of the effects are zero\n  ", counted(sum(x$lfsr < 0.05), "predictor"),
    " with lfsr < 0.05\n",
    sep = ""
  )
  invisible(x)
}

#' @rdname mr_ash-methods
#' @export
summary.mr_ash <- function(object, ...) {
  take_dots(...)
  sd <- sqrt(object$sa2 * if (object$scaled_prior) object$sigma2 else 1)
  best <- utils::head(order(object$lfsr, -abs(object$beta)), 10L)
  names <- names(object$beta)
  structure(
    list(
      fit = object, pve = object$pve, pi = data.frame(sd = sd, pi = object$pi),
      top = data.frame(
        predictor = if (is.null(names)) best else names[best], mean = unname(object$beta[best]),
        sd = unname(object$posterior_sd[best]), lfsr = unname(object$lfsr[best])
      )
    ),
    class = "summary.mr_ash"
  )
}

#' @rdname mr_ash-methods
#' @export
print.summary.mr_ash <- function(x, ...) {
  take_dots(...)
  print(x$fit)
  if (!is.null(x$pve)) {
    cat("  predictors explain ", format(100 * x$pve, digits = 3), "% of the variance\n", sep = "")
  }
  cat("  weights by prior standard deviation:\n")
  large <- x$pi[x$pi$pi >= 5e-4, ]
  cat(sprintf("    %-9s %5.1f%%\n", format(large$sd, digits = 3), 100 * large$pi), sep = "")
  cat("  coefficients with the smallest lfsr:\n")
  print(x$top, row.names = FALSE, digits = 3)
  invisible(x)
}

#' @rdname mr_ash-methods
#' @export
plot.mr_ash <- function(x, which = c("trace", "coefficients", "prior"), ...) {
  take_dots(...)
  which <- match_choice(which, c("trace", "coefficients", "prior"))
  need_ggplot2()
  picture <- switch(which,
    trace = ash_trace_plot(x$trace),
    coefficients = ash_coefficients_plot(x$beta, x$lfsr),
    prior = ash_weights_plot(sqrt(x$sa2 * if (x$scaled_prior) x$sigma2 else 1), x$pi)
  )
  picture + ggplot2::theme_minimal()
}

ash_trace_plot <- function(trace) {
  ggplot2::ggplot(trace, ggplot2::aes(x = .data$iteration, y = .data$elbo)) +
    ggplot2::geom_line(colour = "grey60") +
    ggplot2::geom_point(size = 1) +
    ggplot2::labs(x = "sweep", y = "bound on the log-likelihood")
}

ash_coefficients_plot <- function(beta, lfsr) {
  cells <- data.frame(j = seq_along(beta), beta = unname(beta), small = unname(lfsr) < 0.05)
  ggplot2::ggplot(cells, ggplot2::aes(x = .data$j, y = .data$beta, colour = .data$small)) +
    ggplot2::geom_segment(ggplot2::aes(xend = .data$j, yend = 0)) +
    ggplot2::scale_colour_manual(
      values = c("FALSE" = "grey60", "TRUE" = "firebrick"), name = "lfsr < 0.05"
    ) +
    ggplot2::labs(x = "predictor", y = "posterior mean")
}

ash_weights_plot <- function(sd, pi) {
  cells <- data.frame(sd = factor(signif(sd, 3)), pi = pi)
  ggplot2::ggplot(cells, ggplot2::aes(x = .data$sd, y = .data$pi)) +
    ggplot2::geom_col() +
    ggplot2::labs(x = "prior standard deviation", y = "weight")
}
