# Fitting mash: weights of the prior by penalised maximum likelihood, then posteriors.

#' Multivariate adaptive shrinkage
#'
#' Estimates the prior `b_j ~ sum_kl pi_kl N(0, w_l^2 U_k)` of (scaled) effects from the data, as a
#' mixture over given covariance matrices `U_k` and scales `w_l`, and the posterior of every effect.
#'
#' The weights maximise `sum_j log sum_p pi_p N(x_j; 0, S_j V S_j + w_l^2 U_k) +
#' sum_p (prior_p - 1) log pi_p`, a convex problem. The default `optmethod`, `"convex"`, solves it
#' to a certificate: no component, in or out of the support, can raise the objective by more than
#' the reported `convergence$kkt`. The other names are those of mashr: `"mixSQP"` uses the package
#' mixsqp, `"mixEM"` the EM algorithm; `"mixIP"` and `"cxxMixSquarem"` are solved by `"convex"`.
#'
#' The J x P matrix of likelihoods is held in memory while the weights are estimated if it takes at
#' most `getOption("mnmash.memory", 2e9)` bytes. Beyond that, `"convex"` holds only the columns that
#' matter, about as many as fit, and computes the others anew for blocks of units when it needs
#' them: it takes longer, and reaches the same certified optimum. See `vignette("large-data")`, and
#' [mash_stream()] for posteriors of data that do not fit themselves.
#'
#' @param Ulist list of R x R prior covariance matrices, positive semi-definite, with distinct names
#'   (`U1`, ... where there are none): see [cov_canonical()], [cov_pca()]; or a prior, taken as `g`.
#'   Matrices whose rows and columns have names are matched to the conditions of the data by name:
#'   put in their order, and reduced to them if they are of more. Default: learnt from the data by
#'   the steps of [learn_prior()], with the `V` of the data, and each unit as a block of its own;
#'   where units come in blocks (genes, LD blocks), or strong units apart, call [learn_prior()].
#' @param gridmult ratio of successive scales when `grid` is not given. The grid then goes from a
#'   tenth of the smallest standard error to twice the largest effect in excess of its error; 0
#'   gives a single scale besides 0.
#' @param grid scales `w_l`, in the (scaled) units of the effects.
#' @param normalizeU divide every matrix by its largest diagonal element.
#' @param usepointmass add a component without effects, called `null`.
#' @param g an earlier fit, its `fitted_g`, or another prior (see [as_prior()]), in place of
#'   `Ulist`, `grid`, `normalizeU` and `usepointmass`. Its weights are where the fit starts, or are
#'   kept, with `fixg`. It is matched to the conditions of the data by name, and must be of the same
#'   units (`alpha`); data of fewer conditions get its exact margin.
#' @param fixg keep the weights of `g`: compute posteriors only.
#' @param prior penalty of the weights: `"nullbiased"` (the first component has `nullweight`, others
#'   1), `"uniform"` (no penalty), or the Dirichlet parameters themselves, at least 1 each.
#' @param nullweight Dirichlet parameter of the first component under `"nullbiased"`.
#' @param optmethod how to estimate the weights, see below.
#' @param control for `"convex"` and `"mixEM"`, a list of `tol` (largest KKT violation, default
#'   1e-8; 1e-6 for `"mixEM"`) and `max_iter`; for `"mixSQP"` the control list of
#'   `mixsqp::mixsqp()`.
#' @param add.mem.profile,algorithm.version ignored; kept for scripts written for mashr.
#' @param outputlevel 1: the fitted prior only; 2: and posteriors; 3: and posterior covariances
#'   (R x R x J numbers); 4: and the matrix of log-likelihoods (J x P numbers).
#' @param output_lfdr add `lfdr` to the posteriors.
#' @param product a component under which effects are independent between conditions, each of them
#'   zero or from one of some scales: `TRUE` to look for one, which is used if it describes the data
#'   better (see [learn_prior()]); `FALSE` for none; or that of a prior, `list(weight, grid, pi)`,
#'   beside `Ulist`, whose weight is estimated with the others. Default: looked for where the prior
#'   is learnt. Posteriors, samples and linear functions are exact under it where errors are
#'   independent. With a residual correlation they are those of the best independent distributions
#'   (mean field), whose spread is somewhat too small, and under which effects of a unit are not
#'   correlated.
#' @param folds where the prior is learnt: the number of parts for cross-fitting, see
#'   [learn_prior()]. Posteriors of each part are under the prior that the others teach; likelihoods
#'   and `fitted_g` are of the prior that all teach.
#' @inheritParams shared_arguments
#'
#' @return An object of classes `mash_fit` and `mash`, a list of
#' - `result`: posteriors, J x R matrices in the units of `Bhat` (see [mash_set_data()] for missing
#'   cells): `PosteriorMean`, `PosteriorSD`, `lfdr` (if asked for), `NegativeProb`, `lfsr`,
#'   `PositiveProb`; `PosteriorCov` from output level 3; and `PosteriorSamples` (J x R x samples) if
#'   asked for. `NULL` at level 1. Under a prior that few strong units taught, `lfsr` are raised, as
#'   [learn_prior()] says, and `lfsr_unmapped` is what they were.
#' - `loglik`, `vloglik` (J x 1): log-likelihood of `Bhat`, all and by unit; over observed cells.
#' - `null_loglik` (J), `alt_loglik` (J x 1): by unit, without effect, and under the other
#'   components; `NULL` without a point mass.
#' - `fitted_g`: the prior: `pi` (named by component: null, then `<matrix>.<scale>` for each scale
#'   all matrices), `Ulist` (as used, with the names of the conditions), `grid`, `usepointmass`,
#'   and what it is a prior of, `units` (`"effect"`, or `"z"` for z-scores; `NULL` for `alpha`
#'   between 0 and 1) and `alpha`.
#'   With a component of effects that are independent between conditions, also `product`, see
#'   [learn_prior()]: its weight and those in `pi` sum to 1.
#' - `posterior_weights`: J x active components; what rows lack to 1 is the product's.
#' - `alpha`: of the data.
#' - `convergence`: `objective` (penalised log-likelihood in scaled units), `kkt` (largest violation
#'   of the optimality conditions, relative to the number of units), and, as every fit has them,
#'   `converged`, `stop` (why it stopped, in one word: `"converged"`, `"iterations"`, `"stalled"` or
#'   `"fell"`), `iterations`, `trace` (the objective by iteration; not for `"mixSQP"`), `message`
#'   (why, in words); and `method`; `NULL` with `fixg`. Where a product was found, `iterations` are
#'   those of all the fits that this took.
#' - `learnt`, where the prior was learnt: from how many units, as in [learn_prior()].
#' - `null_interval`, where the prior was learnt and has a null: the weights of the null (from, to)
#'   at which the best fit is within a 95% likelihood region of the weights of all components. It is
#'   often wide: small effects everywhere and none at all are hard to tell apart, and the weight of
#'   the null is no estimate of the share of null units.
#' - `lm`, at output level 4: `loglik_matrix` (J x P, less its row maxima) and `lfactors` (the
#'   maxima), in scaled units; a product has a last column.
#' @references Urbut, Wang, Carbonetto and Stephens (2019), Nature Genetics 51, 187-195.
#' @seealso [get_pm()], [get_significant_results()], [get_pairwise_sharing()],
#'   [mash_compute_posterior_matrices()],
#'   `vignette("how-results-are-calibrated", package = "mnmash")`
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 25, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, c(cov_canonical(data), cov_pca(data, 2)))
#' m
#' head(as.data.frame(m))
mash <- function(data, Ulist = NULL, gridmult = sqrt(2), grid = NULL, normalizeU = TRUE,
                 usepointmass = TRUE, g = NULL, fixg = FALSE, prior = c("nullbiased", "uniform"),
                 nullweight = 10,
                 optmethod = c("convex", "mixSQP", "mixIP", "mixEM", "cxxMixSquarem"),
                 control = list(), verbose = TRUE, add.mem.profile = FALSE,
                 algorithm.version = c("Rcpp", "R"), pi_thresh = 1e-10, A = NULL,
                 posterior_samples = 0, seed = 123, outputlevel = 2, output_lfdr = FALSE,
                 n_threads = NULL, product = NULL, folds = NULL, ...) {
  take_dots(...)
  check_mash_data(data)
  posterior_samples <- check_samples(posterior_samples, "posterior_samples")
  check_flag(fixg)
  check_flag(verbose)
  check_flag(output_lfdr)
  pi_thresh <- check_number(pi_thresh, 0, 1)
  outputlevel <- check_number(outputlevel, 1, 4)
  n_threads <- resolve_threads(n_threads)
  say <- if (verbose) \(...) message(" - ", ...) else \(...) NULL

  learnt <- is.null(g) && is.null(Ulist)
  if (!is.null(folds)) {
    folds <- check_few(folds, 2, 1e3)
    if (!learnt) {
      stop_mnmash(
        "argument", "`folds` is for priors that are learnt here: with a prior, give it to ",
        "learn_prior()"
      )
    }
  }
  if (inherits(Ulist, "mnmash_prior") && is.null(g)) {
    g <- Ulist
    Ulist <- NULL
  }
  held_out <- if (fixg && inherits(g, "mnmash_prior")) g[["held_out"]]
  if (!is.null(held_out)) check_held_out(held_out)
  if (!is.null(g)) {
    not_both("g", c(
      Ulist = !is.null(Ulist), grid = !is.null(grid), normalizeU = !missing(normalizeU),
      usepointmass = !missing(usepointmass), product = !is.null(product)
    ))
    g <- given_prior(g, data, weights = fixg)
  } else {
    if (fixg) stop_mnmash("argument", "`fixg` needs a prior `g` to keep")
    if (is.null(Ulist)) {
      say("Learning prior covariances (learn_prior() has the choices)")
      found <- learnt_matrices(data, n_threads)
      Ulist <- found$U
      source <- found$learnt
    }
    g <- unweighted_prior(data, Ulist, grid, gridmult, normalizeU, usepointmass)
    if (is.list(product)) {
      g$product <- check_product(product, ncol(data$Bhat), "product", colnames(data$Bhat))
    }
  }
  look <- if (is.list(product) || !is.null(g$product)) {
    FALSE
  } else if (is.null(product)) {
    learnt
  } else {
    check_flag(product)
  }

  want <- list(
    pi_thresh = pi_thresh, moments = outputlevel >= 2, covariance = outputlevel >= 3, A = A
  )
  draw <- NULL
  if (want$moments && posterior_samples) {
    draw <- list(n = posterior_samples, seed = check_seed(seed))
    # Many samples are drawn by blocks, after the rest.
    at_once <- nrow(data$Bhat) * samples_of_unit(data, c(want, draw)) <= 1.25e7
    if (at_once) want <- c(want, draw)
  }
  if (fixg) {
    not_both("fixg", c(prior = !missing(prior), optmethod = !missing(optmethod)))
    say("Likelihoods of ", describe_problem(data, g))
    fit <- mash_model(data, g, want, n_threads)
  } else {
    optmethod <- match_choice(optmethod, names(fit_methods))
    say("Fitting ", describe_problem(data, g), describe_memory(data, g, optmethod))
    penalty <- dirichlet_parameters(prior, n_weights(g), nullweight, weight_names(g))
    # Effects are wanted under the prior that is found in the end.
    first <- if (look) list(pi_thresh = 1) else want
    fit <- fit_weights(data, g, penalty, optmethod, control, first, n_threads)
    if (look) {
      g$pi <- fit$pi
      ended <- fit$convergence
      found <- learn_product(data, g, fit, penalty, n_threads)
      if (!is.null(found)) {
        g <- found$g
        ended[names(found$convergence)] <- found$convergence
      }
      fit <- mash_model(data, g, want, n_threads)
      fit$convergence <- ended
    }
  }
  names(fit$pi) <- component_names(g$Ulist, g$grid, g$usepointmass)
  g$pi <- fit$pi
  g$product <- fit$product
  if (learnt && isTRUE(source$few)) g$lfsr_map <- learnt_lfsr_map(data, g, n_threads)

  result <- with_raised_lfsr(fit$result, g, A)
  if (want$moments) {
    say("Posteriors from ", length(fit$active), " active components")
    if (!output_lfdr) result$lfdr <- NULL
    if (posterior_samples) {
      result$PosteriorSamples <- fit$samples %||% all_samples(
        data, g, pi_thresh, posterior_samples, draw$seed, n_threads, A
      )
    }
  }
  if (!is.null(folds)) {
    say("Priors without each of ", folds, " parts of the units")
    held_out <- learnt_held_out(data, folds, n_threads)
  }
  if (!is.null(held_out) && want$moments) {
    result <- held_out_posteriors(data, result, held_out, c(want, draw), n_threads)
  }
  m <- new_mash(data, g, fit, result)
  if (!is.null(held_out)) m$folds <- length(held_out$priors)
  if (learnt) {
    m$null_interval <- null_interval(data, g, n_threads)
    m$learnt <- source
  }
  if (outputlevel >= 4) m$lm <- relative_likelihoods(data, g, n_threads)
  m
}

# Two arguments that exclude each other.
not_both <- function(name, given) {
  if (any(given)) {
    stop_mnmash(
      "argument", "give ", as_typed(name), " or ", as_typed(names(which(given))[1L]), ", not both"
    )
  }
}

# A prior whose weights are not known yet.
unweighted_prior <- function(data, Ulist, grid, gridmult, normalizeU, usepointmass) {
  gridmult <- check_gridmult(gridmult)
  check_flag(normalizeU)
  check_flag(usepointmass)
  if (usepointmass && "null" %in% names(Ulist)) {
    stop_mnmash(
      "names", "`Ulist` has a matrix named \"null\", which is the name of the point mass: leave ",
      "it ",
      "out, rename it, or set `usepointmass = FALSE`"
    )
  }
  with_data_conditions(list(
    pi = NULL,
    Ulist = prior_matrices(
      Ulist, ncol(data$Bhat), normalizeU, conditions = colnames(data$Bhat)
    ),
    grid = if (is.null(grid)) autoselect_grid(data, gridmult) else check_grid(grid),
    usepointmass = usepointmass
  ), data)
}

describe_problem <- function(data, g) {
  paste0(
    n_components(g), " components (", length(g$Ulist), " matrices, ", length(g$grid),
    " scales)", if (!is.null(g$product)) " and independent effects", " to ", nrow(data$Bhat),
    " units in ", ncol(data$Bhat), " conditions"
  )
}

# The fit in mashr's layout, and what came of the fitting.
new_mash <- function(data, g, fit, result) {
  lost <- log_scale(data)
  units <- rownames(data$Bhat)
  column <- function(x) {
    if (!is.null(x)) matrix(x, dimnames = if (!is.null(units)) list(units, NULL))
  }
  weights <- fit$weights
  dimnames(weights) <- list(units, names(g$pi)[fit$active])
  # mashr names this matrix by component number; functions that read its fits rely on it.
  names(weights) <- fit$active
  vloglik <- fit$vloglik - lost
  null_loglik <- if (g$usepointmass) fit$null_loglik - lost
  names(null_loglik) <- if (!is.null(null_loglik)) units
  structure(
    list(
      result = result, loglik = sum(vloglik), vloglik = column(vloglik),
      null_loglik = null_loglik,
      alt_loglik = if (g$usepointmass) column(fit$alt_loglik - lost),
      fitted_g = g, posterior_weights = weights, alpha = data$alpha,
      convergence = fit$convergence
    ),
    class = c("mash_fit", "mash")
  )
}

# Computed anew rather than kept during the fit, which would cost its memory to everyone.
relative_likelihoods <- function(data, g, n_threads) {
  loglik <- component_loglik(data, g, n_threads)
  lfactors <- loglik[cbind(seq_len(nrow(loglik)), max.col(loglik, "first"))]
  list(loglik_matrix = loglik - lfactors, lfactors = lfactors)
}
