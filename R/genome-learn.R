# What is learnt from the regressions of all regions: weights, and covariances.

#' Learn weights and covariances from many regressions
#'
#' The steps of [mnm()] that learn the prior of the effects from [mnm_regress()].
#'
#' @section Weights:
#' `"em"` takes the expected numbers of variants of each component: regressions that go on under
#' these weights have no lower bound. `"convex"` maximises the likelihood of the deconvolved effects
#' of all variants, which is worth many such steps, but is no step of ascent: near the optimum it
#' goes too far. Variants that say something (a log Bayes factor above 2) count one by one, of the
#' others each region has the mean of the Bayes factors, which is as good to the first order.
#'
#' @section Covariances:
#' Learnt in the way of [learn_prior()], from the deconvolved effects of one variant for each
#' signal: penalised covariances, copies without conditions that are hardly touched, canonical ones,
#' and sets of conditions. Their weights over a grid of scales are those of maximum likelihood for a
#' sample of all variants; matrices without weight are left out. It is a proposal: the bound of the
#' regressions under the new prior says whether it is better (see [mnm()]).
#'
#' @param fit from [mnm_regress()].
#' @param method see Weights.
#' @inheritParams shared_arguments
#' @return A prior, see [as_prior()]: of effects for a standard deviation of the variant, with the
#'   scales of its matrices.
#' @seealso [mnm()], [learn_prior()], [mixture_weights()]
#' @export
#' @examples
#' genes <- lapply(1:12, \(seed) {
#'   simulate_mr_mash(n = 100, p = 30, p_causal = 2, r = 2, pve = 0.4, seed = seed)[c("X", "Y")]
#' })
#' names(genes) <- paste0("gene", 1:12)
#' regions <- mnm_regions(genes)
#' fit <- mnm_regress(regions)
#' round(mnm_weights(fit)$null_weight, 3)
#' mnm_covariances(fit)
mnm_weights <- function(fit, method = c("convex", "em"), n_threads = NULL, ...) {
  take_dots(...)
  check_regressions(fit)
  method <- match_choice(method, c("convex", "em"))
  pi <- if (method == "em") {
    fit$counts / sum(fit$counts)
  } else {
    prior <- fit$prior
    mixture_weights(
      unname(fit$sketch$log_bf), "uniform", start = c(prior$null_weight, prior$w),
      row_weights = fit$sketch$weights, n_threads = n_threads
    )$pi
  }
  pi <- unname(pi)
  # Regressions need a null; and one without effects keeps what others may still find.
  null <- min(max(pi[1L], 1e-6), 1 - 1e-6)
  rest <- pi[-1L]
  rest <- if (sum(rest) > 0) rest / sum(rest) else rep(1 / length(rest), length(rest))
  reweighted(fit$prior, c(null, (1 - null) * rest))
}

check_regressions <- function(fit, name = arg_name(fit)) {
  if (!inherits(fit, "mnm_regressions")) {
    stop_mnmash("type", as_typed(name), " must be from mnm_regress()")
  }
}

#' @rdname mnm_weights
#' @inheritParams learn_prior
#' @export
mnm_covariances <- function(fit, K = 16, lambda = NULL, masks = c(0.05, 0.1, 0.25), tree = TRUE,
                            n_threads = NULL, ...) {
  take_dots(...)
  check_regressions(fit)
  how <- learning_choices(
    K = check_few(K, 0, 1e4), lambda = if (!is.null(lambda)) check_number(lambda, 0),
    masks = if (length(masks)) check_shares(masks), tree = check_flag(tree), n_threads = n_threads
  )
  rows <- fit$rows
  lead <- rows$kind == "lead"
  if (sum(lead) < 2L) {
    stop_mnmash(
      "too_few", "`fit` has ", counted(sum(lead), "signal"), ": covariances are learnt from many"
    )
  }
  strong <- learning_data(rows, which(lead), fit$V)
  random <- learning_data(rows, which(rows$weight > 0), fit$V)
  # Fewer signals than components are wanted for say nothing of most.
  how$K <- min(how$K, floor(sum(lead) / 4))
  U <- suppressWarnings(learn_matrices(random, strong, how), classes = "mnmash_warning")
  U <- lapply(U[vapply(U, \(u) any(u != 0), NA)], \(u) u / max(diag(u)))
  known <- !is.na(rows$b[lead, ])
  b <- rows$b[lead, ][known]
  s <- rows$s[lead, ][known]
  grid <- genome_grid(sqrt(max(b^2 - s^2, 0)), min(s))
  learnt <- list(by = "mnm", n_units = sum(lead), n_strong = sum(lead))
  found <- matrix_weights(random, rows$weight[rows$weight > 0], U, grid, n_threads)
  # How many variants have an effect is for the regressions to say: the sample is of few.
  null <- fit$prior$null_weight
  genome_prior(found$U, grid, null, (1 - null) * found$pi / sum(found$pi), learnt)
}

# Rows as mash data, each a unit; missing conditions are marginalised.
learning_data <- function(rows, at, V) {
  b <- rows$b[at, , drop = FALSE]
  s <- rows$s[at, , drop = FALSE]
  usable <- is.finite(s)
  b[!usable] <- NA
  s[!usable] <- NA
  rownames(b) <- rownames(s) <- paste0("row", at)
  mash_set_data(b, s, V = stats::cov2cor(V))
}

# Maximum-likelihood weights of matrices by scales, of those that have any.
matrix_weights <- function(random, weights, U, grid, n_threads) {
  g <- list(Ulist = U, grid = grid, usepointmass = TRUE)
  table <- loglik_matrix(random, g, resolve_threads(n_threads))
  pi <- mixture_weights(
    unname(table), "uniform", row_weights = weights, n_threads = n_threads
  )$pi
  pi <- matrix(pi[-1L], length(U))
  if (sum(pi) <= 0) pi[] <- 1
  keep <- rowSums(pi) > 1e-4 * sum(pi)
  pi <- pi[keep, , drop = FALSE]
  # Scales without weight may get some as regressions go on.
  list(U = U[keep], pi = pmax(pi, 1e-3 * rowSums(pi) / length(grid)))
}
