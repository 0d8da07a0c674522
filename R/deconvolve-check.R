# The theorem behind deconvolved effects, as a check of a fit.

#' Are the weights of a regression those of mash on its deconvolved effects?
#'
#' Where a regression with a mixture prior has converged, its weights maximise the log-likelihood of
#' the normal-means model (adaptive shrinkage for one condition, mash for several) on its
#' deconvolved effects (see [deconvolve()]). This finds the maximum and says how far from it the fit
#' is.
#'
#' @param fit a fit from [deconvolve()], [deconvolve_rss()], [mr_ash()] or [mr_ash_rss()].
#' @return A data frame of class `deconvolution_check` with a row for each condition (`"mnm"`: one
#'   row): `loglik`, the log-likelihood of the deconvolved effects with the weights of the
#'   regression; `best`, the largest possible; `gap`, their difference, which is 0 up to rounding
#'   for a converged fit; `pi_difference`, the largest difference of a weight (similar components
#'   may trade weight without a gap); `converged`.
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 200, p = 50, p_causal = 5, r = 1, pve = 0.4, X_cor = 0.5, seed = 1)
#' check_deconvolution(mr_ash(sim$X, sim$Y))
check_deconvolution <- function(fit) {
  check_given()
  found <- if (inherits(fit, "mr_ash")) {
    check_ash(fit)
  } else if (!inherits(fit, "deconvolved")) {
    stop_mnmash("type", as_typed("fit"), " must come from deconvolve(), mr_ash() or their kin")
  } else if (fit$method == "mnm") {
    check_mnm(fit)
  } else {
    rows <- do.call(rbind, lapply(fit$fits, check_ash))
    rownames(rows) <- NULL
    conditions <- if (is.null(names(fit$fits))) seq_along(fit$fits) else names(fit$fits)
    cbind(condition = conditions, rows)
  }
  structure(found, class = c("deconvolution_check", "data.frame"))
}

check_ash <- function(fit) {
  known <- which(!is.na(fit$Bhat))
  scale <- if (is.null(fit$scale)) 1 else fit$scale[known]
  variance <- if (fit$scaled_prior) fit$sigma2 * fit$sa2 else fit$sa2
  null <- which(variance == 0)
  unit <- stats::median(fit$Shat[known] * scale)
  data <- new_mash_data(
    matrix(fit$Bhat[known] * scale / unit), matrix(fit$Shat[known] * scale / unit), 0, diag(1),
    NULL, "exact"
  )
  g <- list(
    Ulist = list(one = matrix(1)), grid = sqrt(variance[variance > 0]) / unit,
    usepointmass = length(null) > 0L
  )
  compare_weights(
    loglik_matrix(data, g, 1L), c(fit$pi[null], fit$pi[variance > 0]), fit$converged,
    if (is.null(fit$dirichlet)) "uniform" else fit$dirichlet[c(null, which(variance > 0))]
  )
}

check_mnm <- function(fit) {
  effects <- if (is.null(fit$completed)) fit[c("Bhat", "Shat")] else fit$completed
  loglik <- deconvolved_loglik(effects$Bhat, effects$Shat, fit$fit$V, fit$fit$S0)
  compare_weights(loglik, unname(fit$fit$w0), fit$converged[1L], "uniform")
}

compare_weights <- function(loglik, pi, converged, prior) {
  best <- mixture_weights(loglik, prior, tol = 1e-10, n_threads = 1L)
  here <- loglik[, pi > 0, drop = FALSE] + rep(log(pi[pi > 0]), each = nrow(loglik))
  top <- apply(here, 1L, max)
  value <- sum(top + log(rowSums(exp(here - top))))
  if (is.numeric(prior)) value <- value + sum(((prior - 1) * log(pi))[prior > 1])
  data.frame(
    loglik = value, best = best$objective, gap = best$objective - value,
    pi_difference = max(abs(best$pi - pi)), converged = converged
  )
}

#' @export
print.deconvolution_check <- function(x, ...) {
  take_dots(...)
  print(as.data.frame(unclass(x)), digits = 6, row.names = FALSE)
  worst <- max(x$gap)
  cat(
    "Largest gap to the maximum of the log-likelihood: ", format(worst, digits = 2),
    if (isTRUE(worst > 1e-3)) ": the regression has not converged (lower `tol`)", "\n",
    sep = ""
  )
  invisible(x)
}
