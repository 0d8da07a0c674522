# What a fit of mash() answers to the questions that R asks of models.

#' Fits of mash as models
#'
#' The usual questions to a model, of a fit from [mash()].
#'
#' @param object,x a fit from [mash()].
#' @param data,newdata data from [mash_set_data()], matched to the fit by the names of conditions
#'   (and for `residuals()` of units). A fit does not hold the data it was made from.
#' @param ... `predict()` and `update()`: further arguments of [mash()]. Otherwise none: any is an
#'   error.
#'
#' @return
#' - `coef()`, `fitted()`: posterior means, J units x R conditions, in the units of `Bhat`.
#' - `residuals()`: `Bhat` less these, `NA` where missing.
#' - `logLik()`: the log-likelihood of `Bhat`, with the number of free weights (components with
#'   weight, less one; of a `product` also its scales) as `df`; `nobs()`: the number of units.
#' - `predict()`: without `newdata` the posteriors of the fit, a list of matrices; with it a fit of
#'   `newdata` under the same prior.
#' - `update()`: the weights estimated anew from `data`, with the same matrices and grid.
#' - `tidy()` (of the package generics): as [as.data.frame()][mash-methods]; `glance()`: a data
#'   frame of one row that sums up the fit.
#' @name mash_fit-methods
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' logLik(m)
#' head(residuals(m, data))
#' few <- mash_set_data(sims$Bhat[1:3, 2:1], sims$Shat[1:3, 2:1])
#' get_pm(predict(m, newdata = few))
NULL

#' @rdname mash_fit-methods
#' @export
coef.mash <- function(object, ...) {
  take_dots(...)
  posterior_part(object, "PosteriorMean")
}

#' @rdname mash_fit-methods
#' @export
fitted.mash <- function(object, ...) {
  take_dots(...)
  posterior_part(object, "PosteriorMean")
}

#' @rdname mash_fit-methods
#' @export
residuals.mash <- function(object, data, ...) {
  take_dots(...)
  mean <- posterior_part(object, "PosteriorMean")
  if (missing(data)) {
    stop_mnmash(
      "argument", as_typed("data"), " is missing: a fit does not hold the data it was made from"
    )
  }
  check_mash_data(data)
  mean <- like_bhat(mean, data$Bhat, "object", "`data`")
  left <- data$Bhat * data$Shat_alpha - mean
  if (!is.null(data$missing)) left[data$missing] <- NA
  left
}

#' @rdname mash_fit-methods
#' @export
nobs.mash <- function(object, ...) {
  take_dots(...)
  check_fit(object)
  if (is.null(object$vloglik)) fit_part(object, "n_units") else length(object$vloglik)
}

#' @rdname mash_fit-methods
#' @export
logLik.mash <- function(object, ...) {
  take_dots(...)
  structure(
    get_loglik(object),
    df = n_free_weights(fit_part(object, "fitted_g"), 0), nobs = nobs.mash(object),
    class = "logLik"
  )
}

#' @rdname mash_fit-methods
#' @export
predict.mash <- function(object, newdata = NULL, ...) {
  check_handed_on(mash, list(...))
  if (is.null(newdata)) {
    take_dots(...)
    posterior_part(object, "PosteriorMean")
    return(object$result)
  }
  fit_part(object, "fitted_g")
  check_mash_data(newdata)
  mash(newdata, g = object, fixg = TRUE, verbose = FALSE, ...)
}

#' @importFrom stats update
#' @rdname mash_fit-methods
#' @export
update.mash <- function(object, data, ...) {
  check_handed_on(mash, list(...))
  fit_part(object, "fitted_g")
  if (missing(data)) {
    stop_mnmash(
      "argument", as_typed("data"), " is missing: a fit does not hold the data it was made from"
    )
  }
  mash(data, g = object, verbose = FALSE, ...)
}

#' @rdname mash_fit-methods
#' @exportS3Method generics::tidy
tidy.mash <- function(x, ...) {
  take_dots(...)
  as.data.frame(x)
}

#' @rdname mash_fit-methods
#' @exportS3Method generics::glance
glance.mash <- function(x, ...) {
  take_dots(...)
  g <- fit_part(x, "fitted_g")
  end <- x[["convergence"]]
  known <- \(value, none) if (is.null(value)) none else value
  data.frame(
    n_units = nobs.mash(x), n_conditions = nrow(g$Ulist[[1L]]), n_components = n_weights(g),
    null = if (g$usepointmass) g$pi[[1L]] else 0, loglik = get_loglik(x), alpha = x$alpha,
    converged = known(end$converged, NA), iterations = known(end$iterations, NA_real_),
    kkt = known(end$kkt, NA_real_)
  )
}
