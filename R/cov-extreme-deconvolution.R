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
#' @inheritParams shared_arguments
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
                                  logweight = FALSE, n_threads = NULL, ...) {
  take_dots(...)
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
  noise <- bovy_noise(ycovar, ydata)
  problem <- ed_problem(ydata, noise, bovy_projection(projection, J, dy), "ycovar")
  d <- problem$effects
  components <- bovy_components(xcovar, K)
  means <- check_means(xmean, components, problem, "xmean")
  if (is.null(means)) stop_mnmash("argument", "`xmean` is missing")
  start <- bovy_covariances(xcovar, K, d, problem$names)
  fixed_pi <- fix_flags(fixamp, components, "fixamp")
  task <- list(
    U = start, pi = shared_weights(xamp, fixed_pi, components, "xamp"), means = means,
    fixed_pi = fixed_pi, fixed_means = fix_flags(fixmean, components, "fixmean"),
    fixed_U = fix_flags(fixcovar, components, "fixcovar")
  )
  if (!is.null(weight)) {
    if (logweight && is.numeric(weight)) weight <- exp(weight)
    weight <- align_each(weight, rownames(ydata), J, "weight", "unit", to = "`ydata`")
    weight <- check_row_weights(weight, J, "weight")
  }
  steps <- if (likeonly) 0 else maxiter
  fit <- run_ed(problem, task, tol, steps, w, weight, n_threads)
  trace <- fit$loglik / J
  if (!is.null(logfile)) {
    write_bytes(format(trace, digits = 15), paste0(check_string(logfile), "_loglike.log"))
  }
  own <- !is.null(names(xcovar)) || length(dim(xcovar)) == 3L && !is.null(dimnames(xcovar)[[1L]])
  named <- if (own || !is.null(rownames(xmean))) components
  covariances <- bovy_layout(fit$U, xcovar, if (own) components, problem$names)
  mean <- matrix(fit$means, K, d, dimnames = list(named, problem$names %||% colnames(xmean)))
  structure(
    list(
      xmean = mean, xamp = stats::setNames(fit$pi, if (own) components), xcovar = covariances,
      avgloglikedata = trace[max(length(trace) - 1L, 1L)]
    ),
    trace = trace, converged = fit$converged, message = fit$message
  )
}

# What ed() takes as noise.
bovy_noise <- function(ycovar, ydata) {
  J <- nrow(ydata)
  dy <- ncol(ydata)
  if (is.list(ycovar) && !is.data.frame(ycovar)) return(ycovar)
  size <- dim(ycovar)
  if (length(size) == 3L) {
    if (!identical(size, c(dy, dy, J)) && identical(size, c(J, dy, dy))) {
      ycovar <- aperm(ycovar, c(2L, 3L, 1L))
    }
    return(ycovar)
  }
  ycovar <- like_bhat(ycovar, ydata, "ycovar", "`ydata`")
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

# What the components are called: by the covariances, or by their number.
bovy_components <- function(xcovar, K) {
  own <- if (is.list(xcovar)) names(xcovar) else dimnames(xcovar)[[1L]]
  if (is.null(own) || length(own) != K) paste0("U", seq_len(K)) else own
}

# The result in the form of what was given.
bovy_layout <- function(U, xcovar, components, conditions) {
  if (!is.null(conditions)) U <- lapply(U, `dimnames<-`, list(conditions, conditions))
  if (is.list(xcovar)) return(stats::setNames(U, components))
  for (k in seq_along(U)) xcovar[k, , ] <- U[[k]]
  if (!is.null(conditions)) dimnames(xcovar)[2:3] <- list(conditions, conditions)
  xcovar
}

# A list of K covariances; what is none is replaced by the nearest.
bovy_covariances <- function(xcovar, K, d, conditions) {
  if (!is.list(xcovar)) {
    if (length(dim(xcovar)) != 3L || dim(xcovar)[1L] != K) {
      stop_mnmash("type", "`xcovar` must be a list of ", K, " matrices, or a K x d x d array")
    }
    xcovar <- lapply(seq_len(K), \(k) {
      matrix(xcovar[k, , ], dim(xcovar)[2L], dimnames = dimnames(xcovar)[2:3])
    })
  }
  if (length(xcovar) != K) {
    stop_mnmash("dimension", "`xcovar` must hold ", K, " matrices, as `xamp` has ", K,
                " weights, not ", length(xcovar))
  }
  names(xcovar) <- names(xcovar) %||% seq_len(K)
  xcovar <- align_matrices(xcovar, conditions, "xcovar")
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
