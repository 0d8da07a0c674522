# What a mixture of normals with means says of units: whose they are, and where.

#' @rdname ed-methods
#' @param newdata units to predict: data from [mash_set_data()], matched by the names of conditions.
#' @return `predict()`: a list of `responsibilities` (J units x K components, rows that sum to one),
#'   `PosteriorMean` and `PosteriorSD` (J x R, of the effects, also of missing cells), and
#'   `vloglik`, the log-likelihoods of the units.
#' @export
predict.ed <- function(object, newdata, n_threads = NULL, ...) {
  take_dots(...)
  if (missing(newdata)) {
    stop_mnmash(
      "argument", as_typed("newdata"),
      " is missing: the fit does not hold the data it was made from"
    )
  }
  check_mash_data(newdata)
  n_threads <- resolve_threads(n_threads)
  R <- nrow(object$U[[1L]])
  at <- align_to(
    rownames(object$U[[1L]]), colnames(newdata$Bhat), "object", "condition", R, ncol(newdata$Bhat),
    as_typed("newdata")
  )
  J <- nrow(newdata$Bhat)
  parts <- lapply(seq_along(object$U), \(k) {
    centre <- matrix(if (is.null(object$means)) 0 else object$means[k, at], J, length(at), TRUE)
    around_centre(newdata, object$U[[k]][at, at, drop = FALSE], centre, n_threads)
  })
  each <- \(what) do.call(cbind, lapply(parts, `[[`, what))
  log_joint <- each("loglik") + rep(log(object$pi), each = J)
  top <- apply(log_joint, 1L, max)
  weights <- exp(log_joint - top)
  total <- rowSums(weights)
  weights <- weights / total
  mixed <- \(what) Reduce(`+`, lapply(seq_along(parts), \(k) weights[, k] * parts[[k]][[what]]))
  mean <- mixed("mean")
  variance <- pmax(mixed("square") - mean^2, 0)
  dimnames(weights) <- list(rownames(newdata$Bhat), names(object$U))
  list(
    responsibilities = weights, PosteriorMean = mean, PosteriorSD = sqrt(variance),
    vloglik = stats::setNames(log(total) + top - log_scale(newdata), rownames(newdata$Bhat))
  )
}

# Log-likelihood, and first and second moments of the effects, under one normal around `centre`.
around_centre <- function(data, U, centre, n_threads) {
  moved <- data
  moved$Bhat <- data$Bhat - centre
  if (!is.null(data$missing)) moved$Bhat[data$missing] <- 0
  g <- list(Ulist = list(component = unname(U)), grid = 1, pi = 1, usepointmass = FALSE)
  found <- posterior_in_blocks(moved, g, 0, FALSE, n_threads)
  scale <- effect_scale(data)
  mean <- found$PosteriorMean + if (is.null(scale)) centre else centre * scale
  list(
    loglik = unname(loglik_matrix(moved, g, n_threads)), mean = mean,
    square = found$PosteriorSD^2 + mean^2
  )
}
