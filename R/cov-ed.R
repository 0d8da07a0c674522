# Prior covariances by extreme deconvolution, with mashr's arguments.

#' Prior covariances by extreme deconvolution
#'
#' Fits the mixture `b_j ~ sum_k pi_k N(0, U_k)` to the scaled effects of the chosen units,
#' `Bhat_j ~ N(b_j, S_j V S_j)`, by the EM algorithm (Bovy, Hogg and Roweis 2011), starting from
#' given covariances and equal weights. No covariance is kept for a unit, so any number of units
#' will do.
#'
#' @section What it cannot do:
#' EM never enlarges the range of a covariance: a start of rank one stays of rank one, and keeps its
#' direction; only its scale changes. Small eigenvalues change slowly. [ud_fit()] has neither
#' restriction, and a penalty against overfitting.
#'
#' @param data data from [mash_set_data()]; also contrasts, differing `V`, and missing cells (which
#'   are integrated out).
#' @param Ulist_init named list of R x R covariance matrices to start from, in the units of the
#'   scaled effects; may be singular. For example those of [cov_pca()].
#' @param algorithm `"bovy"`, the EM algorithm; or `"teem"`, truncated eigenvalues: each step
#'   maximises over a covariance in closed form where the noise is the same for all units (else by
#'   its generalisation), and can change directions and ranks. mashr's version of the latter takes
#'   z-scores for independent, whatever `V`; this one uses the noise of `data`.
#' @param ... further arguments of mashr's versions that have no effect here (`logfile`); others are
#'   an error.
#' @param tol stop when a step raises the mean log-likelihood of a unit by at most this.
#' @param maxiter number of steps at most. Default: 1e9 for `"bovy"`, 5000 for `"teem"`.
#' @param w regularisation: `U = (S + w I) / (q + 1)`, where `S` is the sum of squares of `q` units.
#' @param weight weights of the rows in `subset`. Default: equal.
#' @param pi_init weights of the covariances to start from. Default: equal.
#' @param fixamp,fixcovar hold weights, covariances at their start: `TRUE`, or one logical for each.
#'   These and `w`, `weight` and `pi_init` are for `"bovy"` only.
#' @param ridge what to add to the fitted matrices, in units of the noise of each condition
#'   (`"relative"`, the default), as mashr does whatever the units (`"mashr"`), or `"none"`; see
#'   [add_ridge()]. On z-scores the first two agree.
#' @inheritParams shared_arguments
#'
#' @return A list of R x R matrices with the names of the conditions, named `ED_<name>`. It has
#'   attributes `pi` (their weights), `trace` (log-likelihood at the start and after each step),
#'   `n_iter`, `converged`, `message`, `convergence` (as in [mash()]) and `ranks`; all of these are
#'   of the matrices before the ridge.
#'
#'   Errors of class `mnmash_error_not_psd` and others name the matrix at fault.
#' @references Bovy, Hogg and Roweis (2011), Annals of Applied Statistics 5, 1657-1677.
#'
#' Won, Lim, Kim and Rajaratnam (2013), Journal of the Royal Statistical Society B 75, 427-450
#' (truncated eigenvalues).
#' @seealso [ed()] for means, projections and several starts; [extreme_deconvolution()]
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 50, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' U <- cov_ed(data, cov_pca(data, npc = 3), subset = 51:200)
#' names(U)
#' round(attr(U, "pi"), 3)
cov_ed <- function(data, Ulist_init, subset = NULL, algorithm = c("bovy", "teem"), ...,
                   tol = NULL, maxiter = NULL, w = 0, weight = NULL, pi_init = NULL,
                   fixamp = NULL, fixcovar = NULL, ridge = c("relative", "mashr", "none"),
                   n_threads = NULL) {
  check_given()
  check_mash_data(data)
  algorithm <- match_choice(algorithm, c("bovy", "teem"))
  ridge <- match_choice(ridge, c("relative", "mashr", "none"))
  check_other_arguments(take_dots(..., also = other_arguments), "cov_ed")
  rows <- check_subset(subset, data$Bhat)
  start <- prior_matrices(
    Ulist_init, ncol(data$Bhat),
    normalize = FALSE, name = "Ulist_init", conditions = colnames(data$Bhat)
  )
  chosen <- if (identical(rows, seq_len(nrow(data$Bhat)))) data else data_rows(data, rows)
  fit <- if (algorithm == "bovy") {
    K <- length(start)
    task <- list(
      U = unname(start), pi = ed_weights(pi_init, names(start), "pi_init"), means = NULL,
      fixed_pi = fix_flags(fixamp, names(start), "fixamp"), fixed_means = rep(TRUE, K),
      fixed_U = fix_flags(fixcovar, names(start), "fixcovar")
    )
    units <- rownames(data$Bhat)[rows]
    weight <- align_each(weight, units, length(rows), "weight", "unit", to = "the rows in `subset`")
    run_ed(
      ed_direct(chosen), task, if_null(tol, 1e-6), if_null(maxiter, 1e9), w, weight, n_threads
    )
  } else {
    given <- c(w = w != 0, weight = !is.null(weight), pi_init = !is.null(pi_init),
               fixamp = !is.null(fixamp), fixcovar = !is.null(fixcovar))
    if (any(given)) {
      stop_mnmash(
        "argument", as_typed(names(given)[given][1L]), " is for `algorithm = \"bovy\"` only"
      )
    }
    fit_teem(chosen, start, if_null(tol, 1e-6), if_null(maxiter, 5000), n_threads)
  }
  names <- paste0("ED_", names(start))
  conditions <- colnames(data$Bhat)
  U <- lapply(fit$U, \(u) {
    if (!is.null(conditions)) dimnames(u) <- list(conditions, conditions)
    u
  })
  names(U) <- names
  ranks <- vapply(U, covariance_rank, 0L)
  U <- add_ridge(U, data, rows, ridge)
  if (ridge == "none") warn_rank_one(U, "the result of cov_ed()")
  structure(
    U, pi = stats::setNames(fit$pi, names), trace = fit$trace, n_iter = fit$iterations,
    converged = fit$converged, message = fit$message, convergence = fit$convergence, ranks = ranks
  )
}

# Arguments of mashr's functions that are accepted, and do nothing.
other_arguments <- c(
  "logfile", "splitnmerge", "maxsnm", "likeonly", "logweight", "xmean", "fixmean"
)

check_other_arguments <- function(dots, call) {
  harmless <- \(name) name == "logfile" || !isTRUE(as.logical(dots[[name]][1L]))
  names <- if (is.null(names(dots))) rep("", length(dots)) else names(dots)
  for (name in names) {
    if (!(name == "fixmean" || harmless(name))) {
      stop_mnmash("argument", call, "() has no use for ", as_typed(name), ": see ed()")
    }
  }
}

# One logical for each component, by name where they have names.
fix_flags <- function(fix, components, name) {
  K <- length(components)
  if (is.null(fix)) return(rep(FALSE, K))
  if (is.list(fix)) fix <- unlist(fix)
  fix <- align_each(fix, components, K, name, "component", to = "the components")
  if (!(is.logical(fix) || is.numeric(fix)) || anyNA(fix) || !length(fix) %in% c(1L, K)) {
    stop_mnmash("argument", as_typed(name), " must be TRUE, FALSE, or one of them for each of the ",
    K,
                " components")
  }
  rep_len(as.logical(fix), K)
}

# Weights of components: equal by default.
ed_weights <- function(pi, components, name) {
  K <- length(components)
  if (is.null(pi)) return(rep(1 / K, K))
  pi <- align_each(pi, components, K, name, "component", to = "the components")
  if (!is.numeric(pi) || length(pi) != K || anyNA(pi) || any(pi < 0) || !(sum(pi) > 0) ||
        !all(is.finite(pi))) {
    stop_mnmash("argument", as_typed(name), " must be ", K, " weights of at least 0, one for each ",
                "component, and not all 0")
  }
  as.double(pi)
}

# Truncated eigenvalues: unpenalised, unconstrained, from given starts.
fit_teem <- function(data, start, tol, maxiter, n_threads) {
  fit <- ud_fit(
    data, K = 0, Ulist = start, penalty = "none", warmup = 0, max_iter = maxiter, tol = tol,
    prune = 0, seed = 0, n_threads = n_threads
  )
  list(
    U = unname(fit$U), pi = unname(fit$w), trace = fit$loglik, iterations = fit$n_iter,
    converged = fit$converged, message = fit$message, convergence = fit$convergence
  )
}
