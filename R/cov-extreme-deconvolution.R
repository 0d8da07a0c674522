# The general function for extreme deconvolution in mashr's words.

#' Extreme deconvolution, with mashr's arguments
#'
#' [ed()] in the words of mashr's function of this name, for scripts that use it.
#'
#' Differences: vectors of `fixamp`, `fixmean` and `fixcovar` work, and so do projections with more
#' than one row; missing values (`NA`) in `ydata` are integrated out; split-and-merge is not there
#' (use several `starts` in [ed()]); no file of the C routine is written. A start `xcovar` that is
#' no covariance is replaced by the nearest one, with a warning.
#'
#' @param ydata J x dy observations.
#' @param ycovar their noise: J x dy variances; a list of J dy x dy covariances; or a dy x dy x J or
#'   J x dy x dy array of them (where J = dy, the former).
#' @param xamp K weights to start from.
#' @param xmean K x d means to start from.
#' @param xcovar list of K d x d covariances to start from, or a K x d x d array.
#' @param projection list of J dy x d projections, or a J x dy x d array. Default: the identity.
#' @param weight weights of the rows, or with `logweight` their logarithms.
#' @param fixamp,fixmean,fixcovar what is held at its start: `TRUE`, `FALSE`, or one of them for
#'   each component.
#' @param tol stop when a step raises the mean log-likelihood by at most this.
#' @param maxiter number of steps at most.
#' @param w regularisation of covariances, see [ed()].
#' @param logfile start of the name of a file, `<logfile>_loglike.log`, for the mean log-likelihood
#'   before each step and at the end.
#' @param splitnmerge,maxsnm must be 0 and `FALSE`; otherwise a warning.
#' @param likeonly only compute the mean log-likelihood.
#' @param logweight `weight` are logarithms.
#' @param n_threads number of threads. Default: the option `mnmash.threads`, or all cores.
#'
#' @return A list of `xmean`, `xamp`, `xcovar` (in the form given) and `avgloglikedata`, the sum
#'   over rows of weight times log-likelihood, divided by the number of rows, *before* the last
#'   step, as mashr has it. Its attribute `trace` has the values before all steps and that of the
#'   result; `converged` and `message` say how it ended.
#' @references Bovy, Hogg and Roweis (2011), Annals of Applied Statistics 5, 1657-1677.
#' @seealso [ed()], [cov_ed()]
#' @export
#' @examples
#' set.seed(1)
#' y <- c(rnorm(100), rnorm(100, 5))
#' noise <- runif(200, 0.2, 0.8)
#' fit <- extreme_deconvolution(
#'   cbind(y + rnorm(200, sd = sqrt(noise))), cbind(noise), xamp = c(0.5, 0.5),
#'   xmean = rbind(1, 2), xcovar = list(diag(1), diag(1))
#' )
#' fit$xmean
extreme_deconvolution <- function(ydata, ycovar, xamp, xmean, xcovar, projection = NULL,
                                  weight = NULL, fixamp = NULL, fixmean = NULL, fixcovar = NULL,
                                  tol = 1e-6, maxiter = 1e9, w = 0, logfile = NULL,
                                  splitnmerge = 0, maxsnm = FALSE, likeonly = FALSE,
                                  logweight = FALSE, n_threads = NULL) {
  check_flag(likeonly)
  check_flag(logweight)
  if (check_number(splitnmerge) != 0 || check_flag(maxsnm)) {
    warn_mnmash(
      "ignored", "`splitnmerge` and `maxsnm` have no effect: use several `starts` in ed()"
    )
  }
  ydata <- as_numeric_matrix(ydata)
  J <- nrow(ydata)
  dy <- ncol(ydata)
  K <- length(xamp)
  noise <- bovy_noise(ycovar, J, dy)
  problem <- ed_problem(unname(ydata), noise, bovy_projection(projection, J, dy))
  d <- problem$effects
  means <- check_means(xmean, K, d)
  if (is.null(means)) stop_mnmash("argument", "`xmean` is missing")
  start <- bovy_covariances(xcovar, K, d)
  task <- list(
    U = start, pi = shared_weights(xamp, fix_flags(fixamp, K, "fixamp"), K), means = means,
    fixed_pi = fix_flags(fixamp, K, "fixamp"), fixed_means = fix_flags(fixmean, K, "fixmean"),
    fixed_U = fix_flags(fixcovar, K, "fixcovar")
  )
  if (!is.null(weight)) {
    if (logweight && is.numeric(weight)) weight <- exp(weight)
    weight <- check_row_weights(weight, J, "weight")
  }
  steps <- if (likeonly) 0 else maxiter
  fit <- run_ed(problem, task, tol, steps, w, weight, n_threads)
  trace <- fit$loglik / J
  if (!is.null(logfile)) {
    writeLines(format(trace, digits = 15), paste0(check_string(logfile), "_loglike.log"))
  }
  covariances <- xcovar
  for (k in seq_len(K)) {
    if (is.list(xcovar)) covariances[[k]] <- fit$U[[k]] else covariances[k, , ] <- fit$U[[k]]
  }
  mean <- matrix(fit$means, K, d, dimnames = dimnames(xmean))
  structure(
    list(
      xmean = mean, xamp = fit$pi, xcovar = covariances,
      avgloglikedata = trace[max(length(trace) - 1L, 1L)]
    ),
    trace = trace, converged = fit$converged, message = fit$message
  )
}

# What ed() takes as noise.
bovy_noise <- function(ycovar, J, dy) {
  if (is.list(ycovar) && !is.data.frame(ycovar)) return(ycovar)
  size <- dim(ycovar)
  if (length(size) == 3L) {
    if (!identical(size, c(dy, dy, J)) && identical(size, c(J, dy, dy))) {
      ycovar <- aperm(ycovar, c(2L, 3L, 1L))
    }
    return(ycovar)
  }
  ycovar <- as_numeric_matrix(ycovar)
  if (!identical(dim(ycovar), c(J, dy))) {
    stop_mnmash("dimension", "`ycovar` must have the dimensions of `ydata` (", J, " x ", dy,
                ") or be an array or list of covariances, not ", describe_dim(ycovar))
  }
  check_size(ycovar)
  if (!all(is.finite(ycovar) & ycovar >= 0)) {
    bad <- which(!(is.finite(ycovar) & ycovar >= 0))[1L]
    stop_mnmash("value", "`ycovar` must be variances: it is ", ycovar[bad], " at ",
                describe_cell(ycovar, bad))
  }
  list(s = sqrt(ycovar))
}

bovy_projection <- function(projection, J, dy) {
  size <- dim(projection)
  if (length(size) == 3L && !(size[1L] == dy && size[3L] == J) && size[1L] == J &&
        size[2L] == dy) {
    return(aperm(projection, c(2L, 3L, 1L)))
  }
  projection
}

# A list of K covariances; what is none is replaced by the nearest.
bovy_covariances <- function(xcovar, K, d) {
  if (!is.list(xcovar)) {
    if (length(dim(xcovar)) != 3L || dim(xcovar)[1L] != K) {
      stop_mnmash("type", "`xcovar` must be a list of ", K, " matrices, or a K x d x d array")
    }
    xcovar <- lapply(seq_len(K), \(k) matrix(xcovar[k, , ], dim(xcovar)[2L]))
  }
  if (length(xcovar) != K) {
    stop_mnmash("dimension", "`xcovar` must hold ", K, " matrices, as `xamp` has ", K,
                " weights, not ", length(xcovar))
  }
  repaired <- integer()
  for (k in seq_len(K)) {
    U <- xcovar[[k]]
    if (is.data.frame(U) || (is.numeric(U) && is.null(dim(U)))) U <- as.matrix(U)
    if (!is.matrix(U) || !is.numeric(U) || any(dim(U) != d) || !all(is.finite(U))) {
      stop_mnmash("dimension", "`xcovar`: matrix ", k, " must hold ", d, " x ", d,
                  " finite numbers")
    }
    U <- unname(as_doubles(U))
    nearest <- nearest_psd((U + t(U)) / 2)
    if (max(abs(nearest - U)) > 1e-8 * max(abs(U))) repaired <- c(repaired, k)
    xcovar[[k]] <- nearest
  }
  if (length(repaired)) {
    warn_mnmash(
      "not_psd", "`xcovar`: ", if (length(repaired) > 1) "matrices " else "matrix ",
      paste(repaired, collapse = ", "), " cannot be covariances (not symmetric, or with negative ",
      "eigenvalues); starting from the nearest ones"
    )
  }
  unname(xcovar)
}

# The symmetric matrix itself unless it has negative eigenvalues beyond rounding.
nearest_psd <- function(U) {
  e <- eigen(U, symmetric = TRUE)
  if (min(e$values) >= -1e-8 * max(e$values, 0)) return(U)
  values <- pmax(e$values, 0)
  U <- e$vectors %*% (values * t(e$vectors))
  (U + t(U)) / 2
}
