# Extreme deconvolution with all it can do.

#' Extreme deconvolution
#'
#' Fits `b_j ~ sum_k pi_k N(m_k, U_k)` to observations `x_j ~ N(P_j b_j, N_j)` with known noise
#' covariances `N_j` and known projections `P_j`, by maximum likelihood: the EM algorithm of Bovy,
#' Hogg and Roweis (2011). Missing values are integrated out.
#'
#' With `T_jk = P_j U_k P_j' + N_j` and `y_jk = T_jk^-1 (x_j - P_j m_k)`, a step is, with sums over
#' units weighted by the responsibilities `q_jk`,
#' `m <- m + U g` and `U <- U + U (G - g g') U`, where `g = sum q P'y / q` and
#' `G = sum q (P'y y'P - P'T^-1 P) / q`; without the term `g g'` if the mean is fixed. The range of
#' `U` never grows, see [cov_ed()].
#'
#' @section Noise:
#' `noise` can be
#' - an n x n matrix: the covariance of the noise of every unit;
#' - a list of J such matrices, or an n x n x J array;
#' - `list(s, V)`: J x n standard errors (or one number), and an n x n or n x n x J correlation
#'   (`NULL` if independent): the covariance is `diag(s_j) V diag(s_j)`. This is by far the fastest
#'   when `V` is the same for all, and needs no memory per unit.
#'
#' Covariances given as such may be singular, as long as those of the observations, `T_jk`, are not.
#'
#' @param x J x n observations, `NA` where missing; or data from [mash_set_data()].
#' @param noise the noise, see below. Must not be given with data from [mash_set_data()].
#' @param U list of R x R covariances to start from; or their number, for random starts.
#' @param pi weights to start from. Default: equal. Components of weight 0 are left out.
#' @param means K x R means to start from. Default: zero, and not estimated.
#' @param projection the `P_j`: an n x R matrix, a list of J such matrices, or an n x R x J array.
#'   Default: the identity.
#' @param row_weights weights of the units, at least 0. Default: equal. A unit of weight 2 counts as
#'   two.
#' @param fixed_pi,fixed_means,fixed_U hold these at their start: `TRUE`, or a logical for each
#'   component. Weights that are not held share what the others leave.
#' @param regularisation the number `w` in `U = (S + w I) / (q + 1)`, with the sum of squares `S` of
#'   `q` units: the mode under a prior proportional to `|U|^(-1/2) exp(-w tr(U^-1) / 2)`.
#' @param tol stop when a step raises the objective by at most this for each unit.
#' @param max_iter number of steps at most; 0 for the log-likelihood alone.
#' @param starts number of starts. The first is from `U`; others are from `U` multiplied by random
#'   matrices (which keeps the ranks), and the best result is returned. Random numbers are R's.
#' @inheritParams shared_arguments
#'
#' @return An object of class `ed`: a list of `U` (named list of R x R matrices), `pi`, `means` (K x
#'   R, or `NULL`), `loglik`, `trace` (the objective at the start and after each step: the
#'   log-likelihood of all units, and with `regularisation` the logarithm of the prior), `n_iter`,
#'   `converged`, `message` (why it stopped), `convergence` (as in [mash()]), `ranks` of
#'   `U`, and `objectives` of all starts. It has
#'   the methods of [ed-methods], and [as_prior()] takes it if the means are zero.
#' @references Bovy, Hogg and Roweis (2011), Annals of Applied Statistics 5, 1657-1677.
#' @seealso [cov_ed()], [extreme_deconvolution()]
#' @export
#' @examples
#' set.seed(1)
#' # Two groups in the plane, of which each unit shows one coordinate
#' b <- rbind(matrix(rnorm(300), ncol = 2), matrix(rnorm(300, 4), ncol = 2))
#' observed <- rep(1:2, 150)
#' x <- b + rnorm(600, sd = 0.5)
#' x[cbind(seq_len(300), observed)] <- NA
#' ed(x, list(s = 0.5), U = list(diag(2), diag(2)), means = rbind(c(0, 0), c(3, 5)))
ed <- function(x, noise = NULL, U, pi = NULL, means = NULL, projection = NULL, row_weights = NULL,
               fixed_pi = FALSE, fixed_means = FALSE, fixed_U = FALSE, regularisation = 0,
               tol = 1e-6, max_iter = 10000, starts = 1, n_threads = NULL, ...) {
  take_dots(...)
  problem <- ed_problem(x, noise, projection)
  U <- if (is.numeric(U) && length(U) == 1L && !is.matrix(U)) {
    random_covariances(check_few(U), problem$effects, problem$spread)
  } else {
    prior_matrices(
      U, problem$effects,
      normalize = FALSE, name = "U", conditions = problem$names
    )
  }
  K <- length(U)
  starts <- check_few(starts)
  check_number(regularisation, 0)
  check_number(max_iter, 0)
  means <- check_means(means, names(U), problem)
  task <- list(
    U = unname(U), pi = shared_weights(pi, fixed_pi, names(U)), means = means,
    fixed_pi = fix_flags(fixed_pi, names(U), "fixed_pi"),
    fixed_means = if (is.null(means)) {
      rep(TRUE, K)
    } else {
      fix_flags(fixed_means, names(U), "fixed_means")
    },
    fixed_U = fix_flags(fixed_U, names(U), "fixed_U")
  )
  best <- NULL
  objectives <- numeric(starts)
  for (i in seq_len(starts)) {
    this <- task
    if (i > 1L) this$U <- perturbed(task$U, task$fixed_U)
    fit <- known_as(
      list(maxiter = "max_iter", w = "regularisation"),
      run_ed(problem, this, tol, max_iter, regularisation, row_weights, n_threads)
    )
    objectives[i] <- fit$trace[length(fit$trace)]
    if (is.null(best) || objectives[i] > best$trace[length(best$trace)]) best <- fit
  }
  names(best$U) <- names(U)
  conditions <- problem$names
  if (!is.null(conditions)) best$U <- lapply(best$U, `dimnames<-`, list(conditions, conditions))
  if (!is.null(best$means)) dimnames(best$means) <- list(names(U), conditions)
  structure(
    list(
      U = best$U, pi = stats::setNames(best$pi, names(U)), means = best$means,
      loglik = best$loglik[length(best$loglik)], trace = best$trace, n_iter = best$iterations,
      converged = best$converged, message = best$message, convergence = best$convergence,
      ranks = vapply(best$U, covariance_rank, 0L), objectives = objectives, n_units = problem$units,
      units = problem$scale
    ),
    class = "ed"
  )
}

# Weights to start from; those that are not held share what the others leave.
shared_weights <- function(pi, fixed, components, name = "pi") {
  pi <- ed_weights(pi, components, name)
  held <- fix_flags(fixed, components, "fixed_pi")
  if (sum(pi[held]) > 1 + 1e-8) {
    stop_mnmash("argument", as_typed(name), ": the weights that are held add up to ", sum(pi[held]))
  }
  free <- sum(pi[!held])
  if (free > 0) pi[!held] <- pi[!held] / free * max(1 - sum(pi[held]), 0)
  pi
}

# K x R means, in the order of the components and of the effects.
check_means <- function(means, components, problem, name = "means") {
  if (is.null(means)) return(NULL)
  K <- length(components)
  R <- problem$effects
  if (is.null(dim(means)) && is.numeric(means) && (K == 1 || R == 1)) means <- matrix(means, K)
  means <- as_numeric_matrix(means, name)
  if (nrow(means) == K && !is.null(rownames(means))) {
    means <- align_rows(means, components, K, name, "component", to = "the components")
  }
  if (!is.null(colnames(means)) && !is.null(problem$names)) {
    means <- align_columns(means, problem$names, R, name, "condition")
  }
  if (nrow(means) != K || ncol(means) != R) {
    stop_mnmash("dimension", as_typed(name), " must be ", K, " x ", R,
    " (components x effects), not ",
                describe_dim(means))
  }
  check_finite(means, na_ok = FALSE, name = name)
  unname(means)
}

# Random covariances of about the size of the observations.
random_covariances <- function(K, R, spread) {
  U <- lapply(seq_len(K), \(k) {
    G <- matrix(stats::rnorm(R * max(R, 4)), R)
    tcrossprod(G) / ncol(G) * spread
  })
  stats::setNames(U, paste0("U", seq_len(K)))
}

# F W F' for U = FF' and a random W of mean one: another start of the same rank.
perturbed <- function(U, held) {
  for (k in which(!held)) {
    e <- eigen(U[[k]], symmetric = TRUE)
    keep <- e$values > 1e-12 * max(e$values, 0)
    if (!any(keep)) next
    factor <- e$vectors[, keep, drop = FALSE] * rep(sqrt(e$values[keep]), each = nrow(U[[k]]))
    G <- matrix(stats::rnorm(sum(keep) * (sum(keep) + 2)), sum(keep))
    U[[k]] <- tcrossprod(factor %*% G) / ncol(G)
  }
  U
}
