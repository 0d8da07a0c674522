# Methods of class "mnmash_varbvs".

#' Look at a spike-and-slab regression
#'
#' @param object,x a fit from [varbvs()].
#' @inheritParams mr_ash-methods
#' @param type `"link"`: the linear predictor; `"response"`: for a binary response, probabilities.
#' @param which `"pip"`: inclusion probabilities, or `"grid"`: the weights of the prior log-odds.
#'
#' @return `coef()`: the intercept, coefficients of the covariates, and posterior means, named.
#'   `predict()`, `fitted()`, `residuals()`: one number for each sample. `logLik()`: the bound on
#'   the log-likelihood averaged over the grid. `nobs()`: the number of samples.
#'   `as.data.frame()`: a row for each predictor with `predictor`, `pip`, `mean` and `lfsr`;
#'   `tidy()` and `glance()` of package generics give the same in its words, and a row for the fit.
#'   `summary()`: the grid, and the predictors with the largest inclusion probabilities. `plot()`: a
#'   ggplot object.
#' @name varbvs-methods
#' @examples
#' sim <- simulate_mr_mash(n = 200, p = 50, p_causal = 3, r = 1, pve = 0.4, seed = 1)
#' fit <- varbvs(sim$X, NULL, sim$Y)
#' predict(fit, sim$X[1:3, ])
#' head(as.data.frame(fit), 3)
NULL

#' @rdname lfsr
#' @export
lfsr.mnmash_varbvs <- function(x, ...) {
  take_dots(...)
  x$lfsr
}

#' @rdname pip
#' @export
pip.mnmash_varbvs <- function(x, ...) {
  take_dots(...)
  x$pip
}

#' @rdname varbvs-methods
#' @export
coef.mnmash_varbvs <- function(object, ...) {
  take_dots(...)
  coef.mr_ash(object)
}

#' @rdname varbvs-methods
#' @export
predict.mnmash_varbvs <- function(object, newdata = NULL, covariates = NULL,
                                  type = c("link", "response"), ...) {
  take_dots(...)
  type <- match_choice(type, c("link", "response"))
  linear <- if (is.null(newdata)) {
    own_values(object, "linear", covariates)
  } else {
    predict.mr_ash(object[c("beta", "covariates", "terms")], newdata, covariates)
  }
  if (type == "response" && object$family == "binomial") stats::plogis(linear) else linear
}

#' @rdname varbvs-methods
#' @export
fitted.mnmash_varbvs <- function(object, ...) {
  take_dots(...)
  stats::predict(object, type = "response")
}

#' @rdname varbvs-methods
#' @export
residuals.mnmash_varbvs <- function(object, ...) {
  take_dots(...)
  object$y - stats::fitted(object)
}

#' @rdname varbvs-methods
#' @export
logLik.mnmash_varbvs <- function(object, ...) {
  take_dots(...)
  # The average over the grid, each weight in proportion to its prior times exp(elbo).
  best <- which.max(object$weights)
  bound <- object$elbo[best] + log(object$grid_prior[best] / sum(object$grid_prior)) -
    log(object$weights[best])
  bound_loglik(bound, sum(!is.na(object$covariates)), object$n)
}

#' @rdname varbvs-methods
#' @export
nobs.mnmash_varbvs <- function(object, ...) {
  take_dots(...)
  object$n
}

#' @rdname varbvs-methods
#' @export
as.data.frame.mnmash_varbvs <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  effects_table(names(x$beta), list(pip = x$pip, mean = x$beta, lfsr = x$lfsr))
}

#' @exportS3Method generics::tidy
tidy.mnmash_varbvs <- function(x, ...) {
  take_dots(...)
  tidy_effects(as.data.frame(x))
}

#' @exportS3Method generics::glance
glance.mnmash_varbvs <- function(x, ...) {
  take_dots(...)
  data.frame(
    elbo = c(stats::logLik(x)), logodds = sum(x$weights * x$logodds), included = sum(x$pip),
    pve = if (is.null(x$pve)) NA_real_ else x$pve, nobs = x$n, predictors = x$p,
    family = x$family, converged = all(x$converged), iterations = sum(x$iterations)
  )
}

#' @rdname varbvs-methods
#' @export
print.mnmash_varbvs <- function(x, ...) {
  take_dots(...)
  cat(
    "varbvs fit (", x$family, ") of ", counted(x$p, "predictor"), " and ", counted(x$n, "sample"),
    "\n",
    sep = ""
  )
  odds <- sum(x$weights * x$logodds)
  cat(
    "  prior log10-odds of inclusion ", format(odds, digits = 3), " (posterior mean over ",
    length(x$logodds), " values", if (!all(x$converged)) ", NOT all converged", ")\n",
    sep = ""
  )
  cat(
    "  expected number of predictors included ", format(sum(x$pip), digits = 3), "; ",
    sum(x$pip > 0.5), " with probability above 0.5\n",
    sep = ""
  )
  if (!is.null(x$pve)) {
    cat("  predictors explain ", format(100 * x$pve, digits = 3), "% of the variance\n", sep = "")
  }
  invisible(x)
}

#' @rdname varbvs-methods
#' @export
summary.mnmash_varbvs <- function(object, ...) {
  take_dots(...)
  best <- utils::head(order(-object$pip), 10L)
  names <- names(object$beta)
  top <- data.frame(
    predictor = if (is.null(names)) best else names[best], pip = unname(object$pip[best]),
    mean = unname(object$beta[best]), lfsr = unname(object$lfsr[best])
  )
  grid <- data.frame(logodds = object$logodds, elbo = object$elbo, weight = object$weights,
                     sigma = object$sigma, sa = object$sa)
  structure(list(fit = object, grid = grid, top = top), class = "summary.mnmash_varbvs")
}

#' @rdname varbvs-methods
#' @export
print.summary.mnmash_varbvs <- function(x, ...) {
  take_dots(...)
  print(x$fit)
  cat("  hyper-parameters:\n")
  print(x$grid[x$grid$weight > 0.01, ], row.names = FALSE, digits = 3)
  cat("  predictors with the largest inclusion probabilities:\n")
  print(x$top, row.names = FALSE, digits = 3)
  invisible(x)
}

#' @rdname varbvs-methods
#' @export
plot.mnmash_varbvs <- function(x, which = c("pip", "grid"), ...) {
  take_dots(...)
  which <- match_choice(which, c("pip", "grid"))
  need_ggplot2()
  picture <- if (which == "pip") {
    cells <- data.frame(j = seq_along(x$pip), pip = unname(x$pip))
    ggplot2::ggplot(cells, ggplot2::aes(x = .data$j, y = .data$pip)) +
      ggplot2::geom_point(size = 1) +
      ggplot2::labs(x = "predictor", y = "inclusion probability")
  } else {
    cells <- data.frame(logodds = x$logodds, weight = x$weights)
    ggplot2::ggplot(cells, ggplot2::aes(x = .data$logodds, y = .data$weight)) +
      ggplot2::geom_col() +
      ggplot2::labs(x = "prior log10-odds of inclusion", y = "weight")
  }
  picture + ggplot2::theme_minimal()
}
