# One prior for many regions.

#' Prior weights pooled over many regions
#'
#' Fits a regression in each of many regions (genes, blocks of the genome) with one common prior
#' whose weights are estimated from all of them: a single region has too few predictors to say how
#' many effects are zero.
#'
#' Rounds alternate between fits of all regions with the weights held (from where they were, on the
#' workers of `future::plan()` if there are any) and the weights. These maximise the likelihood of
#' all deconvolved effects, which at convergence makes them the best for the sum of the regions'
#' bounds; if the sum falls in the next round, the fits go back and take the average posterior
#' weights, a step of expectation maximisation, which cannot lower it.
#'
#' @param regions list with names; each element is a list of arguments of `fit`, such as
#'   `list(X = , y = )` or `list(Bhat = , Shat = , LD = , n = , covY = )`; for [mr_mash()],
#'   `list(X = , Y = )`, with the same conditions everywhere.
#' @param fit [mr_ash()], [mr_ash_rss()], [mr_mash()] or [mr_mash_rss()].
#' @param sa2 (mr_ash) prior variances as multiples of each region's residual variance. Default: 0
#'   and the squares of a common grid in steps of `sqrt(2)` that covers the default grids of all
#'   regions.
#' @param pi weights to start from. Default: equal (mr_mash: `w0`, or those of the prior).
#' @param ... further arguments of `fit`, for all regions; for mr_mash `S0`, `w0`, `grid` and
#'   `w0_penalty` are those of the common prior. Without `grid`, covariances alone get one that
#'   covers those of all regions (see [mr_mash()], section Sizes of effects).
#' @param prior mr_ash: Dirichlet penalty on the weights, as there (default `"uniform"`: none);
#'   mr_mash: the prior covariances, as there.
#' @param nullweight of the Dirichlet penalty, as in [mr_ash()].
#' @param tol converged when a round raises the sum of the bounds by at most `tol` for each region
#'   and changes no weight by more than `sqrt(tol)`.
#' @inheritParams shared_arguments
#'
#' @return A list of `pi`; `sa2`, or for mr_mash the covariances `S0`; `fits`, the fits of the
#'   regions; `elbo`, the sum of their bounds after each round that was kept; `converged`,
#'   `iterations` (rounds) and `convergence` (as in [mash()]).
#' @seealso [each_region()]
#' @export
#' @examples
#' regions <- lapply(c(gene1 = 1, gene2 = 2, gene3 = 3), \(seed) {
#'   sim <- simulate_mr_mash(n = 100, p = 30, p_causal = 2, r = 1, pve = 0.3, seed = seed)
#'   list(X = sim$X, y = sim$Y)
#' })
#' pooled <- pool_weights(regions)
#' pooled$pi[pooled$sa2 == 0]
#'
#' regions <- lapply(c(gene1 = 1, gene2 = 2), \(seed) {
#'   simulate_mr_mash(n = 100, p = 30, p_causal = 2, r = 2, pve = 0.3, seed = seed)[c("X", "Y")]
#' })
#' U <- list(shared = matrix(1, 2, 2), own = diag(2))
#' pooled <- pool_weights(regions, mr_mash, prior = U, grid = c(0.1, 0.4))
#' round(pooled$pi, 2)
pool_weights <- function(regions, fit = mr_ash, sa2 = NULL, pi = NULL, ..., prior = NULL,
                         nullweight = 10, tol = 1e-5, max_iter = 50) {
  check_given()
  regions <- named_regions(regions)
  odd <- !vapply(regions, \(x) is.list(x) && !is.null(names(x)) && !anyDuplicated(names(x)), NA)
  if (any(odd)) {
    stop_mnmash("type", "`regions`: \"", names(regions)[odd][1L], "\" must be a list of arguments ",
                "of `fit` by name, each once")
  }
  if (!is.function(fit)) {
    stop_mnmash(
      "type", as_typed("fit"), " must be mr_ash or mr_mash, or their kin"
    )
  }
  regions <- region_arguments(regions, fit)
  tol <- check_number(tol, 0)
  max_iter <- check_few(max_iter)
  common <- if (is.mash_regression(fit)) {
    if (!is.null(sa2)) stop_mnmash("argument", "`sa2` is not for mr_mash(): give `prior`")
    pooled_mash(list(regions = regions, fit = fit), pi, prior, ...)
  } else {
    pooled_ash(regions, fit, sa2, pi, prior, nullweight, ...)
  }
  pi <- common$pi
  dirichlet <- common$dirichlet
  penalty <- \(pi) sum(((dirichlet - 1) * log(pi))[dirichlet > 1])
  # Sent to workers, with nothing else of this call.
  work <- pooled_fit(fit, common$arguments)
  fits <- NULL
  elbo <- numeric()
  safe <- NULL
  stop <- "iterations"
  for (round in seq_len(max_iter)) {
    starts <- lapply(names(regions), \(name) {
      start <- c(common$weights(pi), if (!is.null(fits)) common$start(fits[[name]]))
      replace(regions[[name]], names(start), start)
    })
    names(starts) <- names(regions)
    found <- all_regions(starts, work)
    check_pooled(found, common$elbo)
    total <- sum(vapply(found, common$elbo, 1)) + penalty(pi)
    before <- if (length(elbo)) elbo[length(elbo)] else -Inf
    if (total < before - 1e-8 * abs(before) && !is.null(safe)) {
      pi <- safe
      safe <- NULL
      next
    }
    fits <- found
    elbo <- c(elbo, total)
    loglik <- do.call(rbind, lapply(fits, common$loglik))
    proposed <- unname(mixture_weights(loglik, dirichlet, start = pi)$pi)
    change <- max(abs(proposed - pi))
    if (total - before <= tol * length(regions) && change <= sqrt(tol)) {
      stop <- "converged"
      break
    }
    safe <- expected_weights(loglik, pi, dirichlet)
    pi <- proposed
  }
  ended <- ending_of(stop, round, elbo)
  if (!ended$converged) {
    warn_mnmash("convergence", "the weights have not converged in ", max_iter, " rounds")
  }
  c(
    list(pi = stats::setNames(pi, common$names)), common$prior,
    list(
      fits = fits, elbo = elbo, converged = ended$converged, iterations = round,
      convergence = ended
    )
  )
}

is.mash_regression <- function(fit) "w0_method" %in% names(formals(args(fit)))

# What differs between the regressions: the common prior, how to give weights and a start to a fit,
# and what to read from it.
pooled_ash <- function(regions, fit, sa2, pi, prior, nullweight, ...) {
  sa2 <- if (is.null(sa2)) pooled_grid(regions, fit, ...) else check_grid(sa2)
  K <- length(sa2)
  list(
    prior = list(sa2 = sa2), pi = if (is.null(pi)) rep(1 / K, K) else check_pi(pi, K),
    dirichlet = dirichlet_parameters(if (is.null(prior)) "uniform" else prior, K, nullweight),
    arguments = list(sa2 = sa2, update_pi = FALSE, ...),
    weights = \(pi) list(pi = pi),
    start = \(fit) list(beta_init = unname(fit$beta), sigma2 = fit$sigma2),
    elbo = \(fit) fit$elbo, loglik = region_loglik
  )
}

# `of` are the regions, and what fits one.
pooled_mash <- function(of, pi, prior, S0 = NULL, w0 = NULL, grid = NULL, w0_penalty = 1, ...) {
  first <- of$regions[[1L]]
  table <- intersect(c("Y", "Bhat", "Z"), names(first))[1L]
  if (is.na(table)) stop_mnmash("argument", "`regions` need `Y`, or `Bhat` or ", as_typed("Z"))
  of_data <- as_numeric_matrix(first[[table]], name = table)
  conditions <- colnames(of_data)
  # A prior that knows its units is turned into those of each region.
  if (is.object(prior)) prior <- prior_of(prior)
  given <- list(prior = prior, S0 = S0, w0 = if (is.null(pi)) w0 else pi, grid = grid)
  if (lacks_scales(given)) given$grid <- grid <- pooled_scales(of, prior, ...)
  mixture <- regression_prior(given, conditions, ncol(of_data))
  S0 <- lapply(mixture$S0, `dimnames<-`, if (!is.null(conditions)) list(conditions, conditions))
  model <- if (is.object(prior)) list(prior = prior, grid = grid) else list(S0 = S0)
  list(
    prior = list(S0 = S0), pi = mixture$w0, names = names(S0),
    dirichlet = component_penalty(w0_penalty, names(S0), mixture$named),
    arguments = c(model, list(update_w0 = FALSE, tol = 1e-8, covariance = "none", ...)),
    weights = \(pi) list(w0 = pi),
    start = \(fit) c(list(B_init = fit$mu1), if (fit$residual != "known") list(V = fit$V)),
    elbo = \(fit) fit$ELBO, loglik = \(fit) {
      b <- fit$statistics / fit$precision
      s <- sqrt(outer(1 / fit$precision, diag(fit$V)))
      deconvolved_loglik(b, s, fit$V, fit$S0)
    }
  )
}

# The arguments of each region under the words of `fit`, with all that it needs.
region_arguments <- function(regions, fit) {
  formals <- formals(args(fit))
  known <- setdiff(names(formals), "...")
  needed <- known[vapply(formals[known], \(x) is.name(x) && !nzchar(x), NA)]
  for (name in names(regions)) {
    words <- names(regions[[name]])
    own <- ifelse(words %in% known, words, vapply(words, own_word, "", known))
    unknown <- words[is.na(own)]
    own[is.na(own)] <- words[is.na(own)]
    absent <- setdiff(needed, own)
    if (length(absent) || length(unknown)) {
      stop_mnmash("argument", "`regions`: \"", name, "\" ",
                  if (length(absent)) "lacks `" else "has, unknown to `fit`, `",
                  c(absent, unknown)[1L], "`")
    }
    names(regions[[name]]) <- own
  }
  regions
}

check_pooled <- function(found, elbo) {
  wrong <- !vapply(found, \(fit) {
    is.list(fit) && is.numeric(elbo(fit)) && length(elbo(fit)) == 1L
  }, NA)
  if (any(wrong)) {
    stop_mnmash(
      "type", as_typed("fit"),
      " must return a fit of mr_ash(), mr_mash() or their kin: for region \"",
      names(found)[wrong][1L], "\" it does not"
    )
  }
}

pooled_fit <- function(fit, arguments) {
  force(fit)
  force(arguments)
  function(region) fit_on_the_way(fit, c(region, arguments))
}

# One of many fits that are not run to their end: that much is known, all else is said.
fit_on_the_way <- function(fit, arguments) {
  suppressWarnings(
    do.call(fit, arguments, quote = TRUE), classes = "mnmash_warning_convergence"
  )
}

# A grid that covers the regions' own.
pooled_grid <- function(regions, fit, ...) {
  own <- lapply(regions, \(region) {
    arguments <- list(..., update_pi = FALSE, update_sigma2 = FALSE, max_iter = 1)
    fit_on_the_way(fit, c(region, arguments))$sa2
  })
  sd <- sqrt(range(unlist(lapply(own, \(sa2) sa2[sa2 > 0]))))
  steps <- ceiling(2 * log2(sd[2L] / sd[1L]))
  c(0, (sd[2L] * 2^(-(steps:0) / 2))^2)
}

# The grid of mr_mash() where `prior` is covariances alone, for all regions.
pooled_scales <- function(of, prior, ...) {
  sd <- lapply(of$regions, \(region) {
    arguments <- list(..., prior = prior, max_iter = 1, covariance = "none")
    S0 <- fit_on_the_way(of$fit, c(region, arguments))$S0
    variance <- vapply(S0, \(U) max(diag(U)), 0)
    sqrt(variance[variance > 0])
  })
  sd <- range(unlist(sd))
  sd[2L] * 2^-(ceiling(log2(sd[2L] / sd[1L]) - 1e-9):0)
}

# log N(Bhat_j; 0, Shat_j^2 + v_k) of a fit, in the order of its components.
region_loglik <- function(fit) {
  known <- which(!is.na(fit$Bhat))
  scale <- if (is.null(fit$scale)) 1 else fit$scale[known]
  variance <- if (fit$scaled_prior) fit$sigma2 * fit$sa2 else fit$sa2
  total <- outer((fit$Shat[known] * scale)^2, variance, "+")
  unname(-0.5 * (log(total) + (fit$Bhat[known] * scale)^2 / total))
}

expected_weights <- function(loglik, pi, dirichlet) {
  weighted <- exp(loglik - apply(loglik, 1L, max)) * rep(pi, each = nrow(loglik))
  counts <- colSums(weighted / rowSums(weighted)) + dirichlet - 1
  counts / sum(counts)
}
