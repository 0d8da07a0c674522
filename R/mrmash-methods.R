# Methods of class "mr_mash".

#' Look at a multivariate regression
#'
#' @param object,x a fit from [mr_mash()] or [mr_mash_rss()] (which has no `fitted()` and
#'   `residuals()`).
#' @inheritParams mr_ash-methods
#' @param which `"trace"` of the bound, or `"coefficients"`: posterior means of the `top` predictors
#'   with the smallest local false sign rates (or the largest coefficients).
#' @param top number of predictors.
#' @inheritParams shared_arguments
#'
#' @return `coef()`: a matrix with r columns: the intercept and coefficients of covariates, if the
#'   fit has them, then p rows. `predict()`,
#'   `fitted()`: m x r matrices. `residuals()`: n x r, `NA` where the response is missing.
#'   `logLik()`: the bound on the log-likelihood, with the number of parameters estimated by maximum
#'   likelihood. `nobs()`: the number of samples. `lfsr()`: p x r.
#'   `as.data.frame()`: a row for each predictor and response with `predictor`, `condition`, `mean`,
#'   `sd` and `lfsr`; `tidy()` and `glance()` of package generics give the same in its words, and a
#'   row for the fit. `summary()`: an object of class `summary.mr_mash`: `pve`, weights
#'   by covariance matrix (`weights`), numbers of predictors with lfsr below 0.05 by response, and
#'   the fit. `plot()`: a ggplot object. `as_prior()`: the prior with its weights, for effects of
#'   standardized predictors if the fit standardized them.
#' @name mr_mash-methods
#' @examples
#' sim <- simulate_mr_mash(n = 120, p = 30, p_causal = 3, r = 3, pve = 0.4, seed = 1)
#' prior <- list(shared = matrix(1, 3, 3), independent = diag(3))
#' fit <- mr_mash(sim$X, sim$Y, prior, grid = c(0.05, 0.2))
#' summary(fit)
#' predict(fit, sim$X[1:2, ])
#' plot(fit)
NULL

#' @rdname mr_mash-methods
#' @export
coef.mr_mash <- function(object, ...) {
  take_dots(...)
  out <- object$mu1
  if (is.null(rownames(out))) rownames(out) <- paste0("X", seq_len(nrow(out)))
  if (is.null(object$intercept)) return(out)
  rbind("(Intercept)" = object$intercept, object$covariates, out)
}

#' @rdname mr_mash-methods
#' @export
predict.mr_mash <- function(object, newdata = NULL, covariates = NULL, ...) {
  take_dots(...)
  if (is.null(newdata)) return(own_values(object, "fitted", covariates))
  constant <- if (is.null(object$intercept)) numeric(ncol(object$mu1)) else object$intercept
  new_values(newdata, covariates, object$mu1, constant, object$covariates, object$terms)
}

#' @rdname mr_mash-methods
#' @export
fitted.mr_mash <- function(object, ...) {
  take_dots(...)
  own_values(object, "fitted")
}

#' @rdname mr_mash-methods
#' @export
residuals.mr_mash <- function(object, ...) {
  take_dots(...)
  if (is.null(object$residuals)) {
    stop_mnmash(
      "argument", as_typed("object"), " holds no individual-level data: it has no residuals"
    )
  }
  object$residuals
}

#' @rdname mr_mash-methods
#' @export
logLik.mr_mash <- function(object, ...) {
  take_dots(...)
  r <- ncol(object$mu1)
  k <- ncol(object$loadings)
  of_V <- switch(object$residual,
    full = r * (r + 1) / 2, diagonal = r, lowrank = , plugin = r * k - k * (k - 1) / 2 + 1,
    factor = r * k - k * (k - 1) / 2 + r, 0
  )
  of_w0 <- if (object$update_w0) max(sum(object$w0 > 0) - 1, 0) else 0
  df <- of_V + of_w0 + length(object$intercept) + sum(!is.na(object$covariates))
  bound_loglik(object$ELBO, df, max(object$n))
}

#' @rdname mr_mash-methods
#' @export
nobs.mr_mash <- function(object, ...) {
  take_dots(...)
  max(object$n)
}

#' @rdname mr_mash-methods
#' @export
as.data.frame.mr_mash <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  effects_table(
    rownames(x$mu1), list(mean = x$mu1, sd = x[["psd"]], lfsr = x[["lfsr"]]),
    colnames_or_numbers(x$mu1)
  )
}

#' @exportS3Method generics::tidy
tidy.mr_mash <- function(x, ...) {
  take_dots(...)
  tidy_effects(as.data.frame(x))
}

#' @exportS3Method generics::glance
glance.mr_mash <- function(x, ...) {
  take_dots(...)
  zero <- vapply(x$S0, \(U) all(U == 0), NA)
  data.frame(
    elbo = x$ELBO, null_weight = sum(x$w0[zero]), nobs = max(x$n), predictors = nrow(x$mu1),
    responses = ncol(x$mu1), residual = x$residual, converged = x$convergence$converged,
    iterations = x$convergence$iterations
  )
}

#' @rdname lfsr
#' @export
lfsr.mr_mash <- function(x, ...) {
  take_dots(...)
  if (is.null(x$lfsr)) {
    stop_mnmash(
      "argument", as_typed("x"),
      " has no local false sign rates: fit it with `covariance = \"diagonal\"`"
    )
  }
  x$lfsr
}

#' @rdname mr_mash-methods
#' @export
as_prior.mr_mash <- function(x, conditions = NULL, ...) {
  take_dots(...)
  zero <- vapply(x$S0, \(U) all(U == 0), NA)
  w0 <- align_vector(x$w0, names(x$S0), length(x$S0), "x$w0", "component", to = "`x$S0`")
  keep <- !zero & w0 > 0
  if (!any(keep)) {
    stop_mnmash("value", as_typed("x"), ": all of the prior's weight is on zero effects")
  }
  standardized <- if (identical(x$known, FALSE)) "both" else if (x$standardize) "X"
  prior <- known_as(list(U = "x$S0", w = "x$w0", null_weight = "x$w0"), new_prior(
    x$S0[keep], w0[keep], sum(w0[zero]),
    V = x$V, units = "effect", standardized = standardized, learnt = list(by = "mr_mash")
  ))
  kept_conditions(prior, conditions)
}

#' @rdname mr_mash-methods
#' @export
print.mr_mash <- function(x, ...) {
  take_dots(...)
  convergence <- x$convergence
  cat(
    "m&m regression of ", number(ncol(x$mu1)), " responses on ", number(nrow(x$mu1)),
    " predictors, ", counted(max(x$n), "sample"), "\n",
    sep = ""
  )
  cat(
    "  bound on the log-likelihood ", format(x$ELBO, nsmall = 2), "; ",
    if (convergence$converged) "converged" else "NOT converged", " in ", convergence$iterations,
    " sweeps\n",
    sep = ""
  )
  cat(
    "  prior: ", length(x$w0), " components, ", sum(x$w0 > 1e-8), " with weight; residual ",
    "covariance: ", x$residual, "\n",
    sep = ""
  )
  if (!is.null(x$lfsr)) {
    small <- colSums(x$lfsr < 0.05)
    cat("  predictors with lfsr < 0.05 by response: ", describe_range(small), "\n", sep = "")
  }
  invisible(x)
}

#' @rdname mr_mash-methods
#' @export
summary.mr_mash <- function(object, ...) {
  take_dots(...)
  structure(
    list(
      fit = object, pve = object$pve, weights = weights_by_matrix(object$S0, object$w0),
      significant = if (!is.null(object$lfsr)) colSums(object$lfsr < 0.05)
    ),
    class = "summary.mr_mash"
  )
}

#' @rdname mr_mash-methods
#' @export
print.summary.mr_mash <- function(x, ...) {
  take_dots(...)
  print(x$fit)
  if (!is.null(x$pve)) {
    cat("  proportion of variance explained, by response:\n")
    pve <- x$pve
    if (is.null(names(pve))) names(pve) <- seq_along(pve)
    print(round(utils::head(pve, 20L), 3))
  }
  cat("  weights by covariance:\n")
  large <- utils::head(x$weights[x$weights >= 0.005], 10L)
  rest <- sum(x$weights) - sum(large)
  if (rest > 5e-4) large <- c(large, "(others)" = rest)
  cat(sprintf("    %s %5.1f%%\n", format(names(large)), 100 * large), sep = "")
  invisible(x)
}

#' @rdname mr_mash-methods
#' @export
plot.mr_mash <- function(x, which = c("trace", "coefficients"), top = 30, ...) {
  take_dots(...)
  which <- match_choice(which, c("trace", "coefficients"))
  need_ggplot2()
  if (which == "trace") return(ash_trace_plot(x$trace) + ggplot2::theme_minimal())
  top <- check_count(top)
  rank <- if (is.null(x$lfsr)) -apply(abs(x$mu1), 1L, max) else apply(x$lfsr, 1L, min)
  shown <- sort(utils::head(order(rank), top))
  names <- rownames(x$mu1)
  if (is.null(names)) names <- seq_len(nrow(x$mu1))
  cells <- data.frame(
    predictor = factor(rep(names[shown], ncol(x$mu1)), rev(names[shown])),
    response = factor(
      rep(colnames_or_numbers(x$mu1), each = length(shown)), colnames_or_numbers(x$mu1)
    ),
    mean = as.vector(x$mu1[shown, ])
  )
  ggplot2::ggplot(cells, ggplot2::aes(x = .data$response, y = .data$predictor, fill = .data$mean)) +
    ggplot2::geom_raster() +
    ggplot2::scale_fill_gradient2(
      low = diverging[1L], mid = diverging[3L], high = diverging[5L], name = "posterior mean"
    ) +
    ggplot2::labs(x = NULL, y = NULL) +
    ggplot2::theme_minimal() +
    ggplot2::theme(axis.text.x = ggplot2::element_text(angle = 45, hjust = 1))
}
