# The job: regressions, weights and covariances in turn until the bound of the genome stands still,
# then fine-mapping.

#' Multivariate analysis of a whole genome
#'
#' From the data of many regions to a prior of effects in many conditions that is learnt from all of
#' them, to the effects of all variants under it, and to credible sets: joint inference on many
#' conditions and many correlated variants, with hyper-parameters of the whole genome.
#'
#' @section Steps:
#' 1. [mnm_regress()]: m&m regression of every region under canonical matrices, a grid of scales and
#'    a null weight of 0.95.
#' 2. [mnm_weights()]: weights from all regions, by convex steps while they raise the bound by more
#'    than 0.1 for each region, then by expectation maximisation; after each, the regressions go on.
#' 3. [mnm_covariances()]: covariances from one variant for each signal. Each region is fitted again
#'    under them, also from no effects (`restarts`); then weights as before. If the bound is higher
#'    in the end they stay, and this step is done again, `rounds` times in all; otherwise the prior
#'    from before does, and learning ends.
#' 4. Effects of all variants under the prior, and [finemap()] of every region, with its residual
#'    covariance and the same prior without scales, which each effect has its own of.
#'
#' @section The bound:
#' The sum over regions of the evidence bounds of [mr_mash()]. It never falls with the regressions,
#' with steps of expectation maximisation, and with restarts, of which each region keeps the better
#' fit; convex steps and new covariances are proposals, which stay only if it rises. `trace` has all
#' of this.
#'
#' @section Stopping and going on:
#' With a `folder`, the results of each pass are files of at most 64 regions, and the state of the
#' job is a file; the same call again goes on where it was interrupted, to the same result. Regions
#' are fitted by the workers of `future::plan()`, if there are any.
#'
#' @param regions from [mnm_regions()], or what that takes.
#' @param prior what to start from: covariances, or a prior as of [as_prior()]. Default: the
#'   canonical matrices.
#' @param rounds how many times covariances are learnt; 0: the matrices to start from are kept, and
#'   only weights are learnt.
#' @param K,lambda,masks,tree how covariances are learnt: see [learn_prior()].
#' @param restarts,heat,residual see [mnm_regress()].
#' @param finemap fine-map each region.
#' @param L most effects in a region; `coverage`, `min_abs_corr` of credible sets: see [finemap()].
#' @param coverage,min_abs_corr see `L`.
#' @param effects keep effects, standard deviations and lfsr of all variants. Without them there is
#'   no `predict()`.
#' @param tol weights have converged when a step raises the bound by at most this for each region.
#' @param max_passes most passes over all regions for one set of weights.
#' @inheritParams mnm_regions
#' @inheritParams shared_arguments
#'
#' @return An object of class `mnm`, a list of
#' - `prior`: what was learnt, as of [as_prior()], of effects for a standard deviation of a variant;
#' - `V`: mean residual covariance; `trace`: a data frame with a row for each pass, of `pass`,
#'   `round`, `step`, `bound`, `gain` (over the one that stood), `null_weight`, `components`,
#'   `restarted` (regions whose better fit is one from no effects) and `kept`;
#' - `regions`: a data frame of `region`, `n`, `p`, `bound`, `sweeps`, `restarted`, `signals` and
#'   `sets`;
#' - `sets`: a row for each credible set: `region`, `set`, `lead`, `pip`, `size`, `coverage`,
#'   `purity`, `log_bf`, `probability`, and `converged`, whether the fine-mapping of the region has;
#'   `calls`: for each set and condition `effect`, `sd` (of the
#'   lead), `lfsr` and `signal_lfsr`, see [lfsr.finemap()]; `variants`: those of the sets, with
#'   their probabilities;
#' - `effects`: by region `effect`, `sd` and `lfsr` (p x R, in the units of the data), `intercept`,
#'   `covariates` and the residual covariance `V`;
#' - `failures`: regions that failed: `region`, `step`, `class`, `message`;
#' - `convergence` as in [mash()], `conditions`, `call`.
#' @section Errors:
#' Regions that fail are rows of `failures`. It is an error of class `mnmash_error_region` if all
#' do.
#' @seealso [predict.mnm()] and others for what to do with the result, [pool_weights()],
#'   `vignette("the-whole-genome", package = "mnmash")`
#' @export
#' @examples
#' genes <- lapply(1:20, \(seed) {
#'   simulate_mr_mash(n = 100, p = 30, p_causal = 2, r = 2, pve = 0.4, seed = seed)[c("X", "Y")]
#' })
#' names(genes) <- paste0("gene", 1:20)
#' fit <- mnm(genes)
#' fit
#' head(as.data.frame(fit, what = "calls"))
mnm <- function(regions, prior = NULL, rounds = 2, K = 16, lambda = NULL,
                masks = c(0.05, 0.1, 0.25), tree = TRUE, restarts = TRUE, heat = 0.8,
                residual = c("full", "diagonal"), finemap = TRUE, L = 10, coverage = 0.95,
                min_abs_corr = 0.5, effects = TRUE, tol = 0.01, max_passes = 8,
                covariates = NULL, folder = NULL, verbose = FALSE, n_threads = NULL, ...) {
  take_dots(...)
  call <- match.call()
  how <- list(
    rounds = check_few(rounds, 0, 100), tol = check_number(tol, 0),
    max_passes = check_few(max_passes), restarts = check_flag(restarts),
    learn = list(
      K = check_few(K, 0, 1e4), lambda = if (!is.null(lambda)) check_number(lambda, 0),
      masks = if (length(masks)) check_shares(masks), tree = check_flag(tree)
    ),
    pass = list(
      restarts = FALSE, heat = check_number(heat, 0, 1),
      residual = match_choice(residual, c("full", "diagonal")), posterior = FALSE, tol = 1e-6,
      max_iter = 1000
    ),
    finemap = list(
      L = check_count(L), coverage = check_number(coverage, 0, 1),
      min_abs_corr = check_number(min_abs_corr, 0, 1)
    )
  )
  check_flag(finemap)
  check_flag(effects)
  say <- if (check_flag(verbose)) \(...) message(" - ", ...) else \(...) NULL
  if (!is.null(n_threads)) resolve_threads(n_threads)
  if (!inherits(regions, "mnm_regions")) {
    regions <- mnm_regions(regions, covariates)
  } else if (!is.null(covariates)) {
    stop_mnmash("argument", "`covariates` are part of `regions`")
  }
  prior <- start_prior(prior, regions)
  job <- genome_job(regions, prior, how, folder, n_threads, say)
  fit <- run_job(job)
  state <- job$memory$state
  found <- list(failures = fit$failures)
  if (finemap) {
    say("Fine-mapping of ", nrow(fit$regions), " regions")
    found <- finemap_all(job, fit)
  }
  table <- fit$regions
  if (finemap) table$sets <- as.integer(table(factor(found$sets$region, table$region)))
  out <- c(
    list(
      prior = fit$prior, V = fit$V, trace = state$trace, regions = table,
      conditions = regions$conditions
    ),
    found[c("sets", "calls", "variants")],
    list(
      effects = if (effects) lapply(fit$fits, \(x) x[setdiff(names(x), c("mean", "level"))]),
      failures = unique(found$failures),
      convergence = ending_of(
        if (state$settled) "converged" else "iterations", nrow(state$trace),
        state$trace$bound[state$trace$kept]
      ),
      call = call
    )
  )
  structure(Filter(Negate(is.null), out), class = "mnm")
}
