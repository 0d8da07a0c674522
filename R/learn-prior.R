# A prior learnt from data, whose lfsr keeps its promise.

#' Learn a calibrated prior from data
#'
#' Learns covariances from strong units, and their weights from random ones, in the way that keeps
#' the error rates it promises: among effects called at an lfsr of .05, about as many signs are
#' wrong as their lfsr say. It is what [mash()] does without `Ulist`, with more to choose.
#'
#' @section Steps:
#' 1. *Residual correlation.* `V` of the data if it is not the identity; otherwise that of the
#'    random units, by [residual_correlation()] with `"corrected"`.
#' 2. *One unit per block.* Neighbouring units in linkage disequilibrium are one signal measured
#'    several times: counted as many, they make a prior over-confident. Of each block the strongest
#'    unit is learnt from, if its largest |z| is above `z_thresh` (at least 20 in all, if there are
#'    that many blocks), and a random one has a say in the weights.
#' 3. *Penalised covariances.* [ud_fit()] with `K` components and a penalty of `lambda`. A larger
#'    penalty than its own default holds learnt correlations back from claims of certainty. From
#'    there, as many covariances of another penalty: `lambda` units in which the effects of a
#'    component are uncorrelated, by steps of extreme deconvolution. Variances are free in it, so
#'    that a pattern may have small effects in some conditions.
#' 4. *Masked copies*, [cov_mask()]: learnt matrices without the conditions they hardly touch, since
#'    an estimated covariance never has an exact zero.
#' 5. *Known patterns*: [cov_canonical()], and sets of conditions from a tree of them, [cov_tree()].
#' 6. *Weights* over all matrices and a grid of scales, by [mash()] on the random units: penalised
#'    maximum likelihood, to a certificate.
#'
#' 7. *Independent effects.* A component under which the effects of a unit are independent between
#'    conditions, each zero or a draw of a mixture of scales: what covariances cannot describe,
#'    exact zeros in any combination of conditions. It is there if it is needed, which it is not
#'    where effects are shared: it stays if it is better, and is the whole prior if that is as good,
#'    by the Bayesian information criterion. What mash does with a prior knows it (see the argument
#'    `product` of [mash()]). Models that take normals only ([finemap()], [mr_mash()] and others)
#'    put normals in its place, and say so: exact for units with an effect in no condition or one,
#'    of the same variances for the others. Of the log-likelihood that is lost where it is left out
#'    this loses about a thirtieth, in simulations in which a tenth of the units have effects in
#'    several conditions, and a quarter where that is more than half.
#'
#' 8. *Errors of its own lfsr*, where there are fewer strong blocks than ten for each condition. The
#'    prior is learnt anew from `nsim` data sets simulated from it, and the signs called are held
#'    against the simulated effects. Posteriors under the prior have their `lfsr` raised to the
#'    share of wrong signs found at such a rate, in the same order; `lfsr_unmapped` is what they
#'    were. Lfsr of contrasts are raised to the errors of contrasts (of each condition and the next,
#'    and of each and the mean of the others), those of [finemap()] and [mr_mash()] as those of
#'    effects. Where `strong` are units of another set, simulated ones are chosen to be as strong.
#'
#' Neither the order of units or conditions (where they have names) nor the unit of measurement has
#' a say in the result.
#'
#' @section What it cannot know:
#' Covariances need units: with fewer strong blocks than ten for each condition, patterns are
#' missed, and lfsr would be too small by a factor of two or three if they were not raised, see
#' Steps; `print()` says so. Fewer than five of a kind for each condition are a warning. The weight
#' of the null is not identified: it is not the share of null units. Units in linkage whose blocks
#' are not given count as many; where neighbouring rows that look null agree there is a warning.
#'
#' @param data data from [mash_set_data()]: units in natural proportions, most of them null. Not
#'   contrasts.
#' @param strong the units to learn covariances from: data from [mash_set_data()] of other units
#'   (one of each block; conditions are matched by name), or rows of `data`, as numbers, names or a
#'   logical vector. Default: found in `data`, see Steps.
#' @param blocks the block of each unit of `data`, such as its gene or LD block: a vector of J
#'   labels or numbers, matched by name where it has names; `NA`: a block of its own. Default: every
#'   unit is a block.
#' @param V residual correlation, R x R, or the name of a method of [residual_correlation()].
#'   Default: see Steps.
#' @param K number of learnt covariances, 0 for none.
#' @param lambda penalty of [ud_fit()]. Default: 3 R.
#' @param masks thresholds of [cov_mask()]; `NULL` for no masked copies.
#' @param tree add the matrices of [cov_tree()].
#' @param product offer a component of effects that are independent between conditions, see Steps.
#' @param z_thresh units whose largest |z| is above this are strong.
#' @param nsim simulations for the errors of lfsr, where they are needed; 0: lfsr as they are.
#' @param folds the number of parts for cross-fitting: the prior is also learnt without each part of
#'   the blocks, and `mash(data, g = prior, fixg = TRUE)` has the posteriors of a part's units under
#'   the prior that the other parts teach. No unit then has a say in its own prior, at `folds` times
#'   the cost and with fewer calls. Default: no cross-fitting.
#' @param seed of the choice of random units, of parts, and of simulations. Covariances always start
#'   from the same random numbers.
#' @inheritParams shared_arguments
#'
#' @return A prior, see [as_prior()], with the scales of its matrices (the density that was fitted),
#'   and further entries: `units`; `V`; `learnt`, a list of `by`, `n_units` (strong units learnt
#'   from), `n_strong` (those above `z_thresh`), `n_random` and `few` (are there fewer than ten
#'   strong blocks for each condition); `product`, if it is needed: a list of `weight`, which with
#'   `w` and `null_weight` sums to 1, `grid` (scales, 0 first), and `pi`, the weights of these in
#'   each condition (a column); `lfsr_map`, where lfsr are raised: a list of `lfsr` and of the
#'   `error` at each, between which it is linear in logarithms, and `contrast`, the same for
#'   contrasts; `held_out`, with `folds`: a list of `fold`, the part of each unit, and `priors`, one
#'   for each part; and `convergence` of the weights, as
#'   in [mash()]. Use it as
#'   `mash(data, g = prior)`, or as the `prior` of [mr_mash()], [finemap()] and others.
#'
#'   It is an error of class `mnmash_error_dimension` if `blocks` are not as many as the units,
#'   `mnmash_error_names` if names do not match, and `mnmash_error_units` if `strong` is in other
#'   units than `data`. Warnings have the classes `mnmash_warning_few`,
#'   `mnmash_warning_identity` and `mnmash_warning_linked`.
#' @references
#' Yang, Carbonetto, Gerard and Stephens (2024), arXiv:2406.08784 (penalised covariances).
#'
#' Urbut, Wang, Carbonetto and Stephens (2019), Nature Genetics 51, 187-195 (weights).
#' @seealso [mash()], [mixture_prior()] for sets in files, [lfsr_calibration()],
#'   `vignette("how-results-are-calibrated", package = "mnmash")`
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 100, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' prior <- learn_prior(data)
#' prior
#' m <- mash(data, g = prior, verbose = FALSE)
#' length(get_significant_results(m))
learn_prior <- function(data, strong = NULL, blocks = NULL, V = NULL, K = 16, lambda = NULL,
                        masks = c(0.05, 0.1, 0.25), tree = TRUE, product = TRUE, z_thresh = 4,
                        nsim = 4, seed = 1, verbose = FALSE, n_threads = NULL, folds = NULL,
                        ...) {
  take_dots(...)
  check_mash_data(data)
  refuse_contrasts(data)
  how <- learning_choices(
    K = check_few(K, 0, 1e4), lambda = if (!is.null(lambda)) check_number(lambda, 0),
    masks = if (length(masks)) check_shares(masks), tree = check_flag(tree),
    product = check_flag(product), seed = check_set_seed(check_seed(seed)), n_threads = n_threads
  )
  say <- if (check_flag(verbose)) \(...) message(" - ", ...) else \(...) NULL
  z_thresh <- check_number(z_thresh, 0)
  nsim <- check_few(nsim, 0, 1e3)
  if (!is.null(folds)) folds <- check_few(folds, 2, 1e3)
  if (is.null(blocks)) warn_linked(data)
  blocks <- block_numbers(blocks, data)
  if (!is.null(strong) && !inherits(strong, "mash")) strong <- check_subset(strong, data$Bhat)
  given <- strong

  rows <- learning_rows(data, strong, blocks, z_thresh, how$seed)
  random <- data_rows(data, rows$random)
  V <- learning_correlation(V, random)
  random <- mash_update_data(random, V = V)
  strong <- if (inherits(strong, "mash")) {
    strong_data(strong, data)
  } else {
    data_rows(data, rows$strong)
  }
  strong <- mash_update_data(strong, V = if (length(dim(V)) == 2L) V)
  R <- ncol(data$Bhat)
  warn_few_units(if (is.null(given)) nrow(random$Bhat) else nrow(strong$Bhat), "strong", R)
  warn_few_units(nrow(random$Bhat), "random", R)

  say("Covariances from ", nrow(strong$Bhat), " strong units")
  U <- learn_matrices(random, strong, how)
  say("Weights of ", length(U), " matrices from ", nrow(random$Bhat), " random units")
  found <- learn_weights(random, U, how)
  counts <- counted_units(strong, random, z_thresh, rows$above)
  if (counts$few) {
    say("Errors of its lfsr from ", nsim, " simulations")
    all <- mash_update_data(data, V = V)
    # Of rows that were given, simulated data have as many of their own.
    how$n_strong <- if (!is.null(given)) nrow(strong$Bhat)
    found$g$lfsr_map <- learn_lfsr_map(
      all, blocks, found$g, how, nsim, z_thresh, if (inherits(given, "mash")) strong
    )
  }
  # The density that was fitted, with what it was learnt from.
  prior <- prior_from_g(found$g, "expand", 1e-10, learnt = c(
    list(by = "learn_prior", n_units = nrow(strong$Bhat)), counts
  ))
  if (length(dim(V)) == 2L) prior$V <- V
  prior$convergence <- found$convergence
  if (!is.null(folds)) {
    say("Priors without each of ", folds, " parts of the units")
    all <- mash_update_data(data, V = V)
    prior$held_out <- held_out_priors(data, blocks, folds, how$seed, \(rows) {
      learn_prior(
        data_rows(all, rows), if (is.numeric(given)) which(which(rows) %in% given) else given,
        blocks[rows], if (length(dim(V)) == 2L) V, how$K, how$lambda, how$masks, how$tree,
        how$product, z_thresh, nsim, how$seed, n_threads = n_threads
      )
    })
  }
  prior
}

# The residual correlation that a prior is learnt under: given, that of the data, or estimated.
learning_correlation <- function(V, random) {
  R <- ncol(random$Bhat)
  if (is.character(V)) {
    return(residual_correlation(random, V))
  }
  if (!is.null(V)) return(data_correlation(V, random$Bhat))
  if (R == 1L || !is_identity(random$V)) return(random$V)
  tryCatch(
    suppressMessages(residual_correlation(random, "corrected")),
    mnmash_error_too_few = \(e) {
      warn_mnmash(
        "few", "too few units look null to estimate the residual correlation: errors are taken as ",
        "independent"
      )
      random$V
    }
  )
}

# Priors of parts of mash data without a prior: each is learnt with the defaults.
#' @exportS3Method
learnt_held_out.mash <- function(data, folds, n_threads) {
  V <- if (length(dim(data$V)) == 2L) data$V
  held_out_priors(data, block_numbers(NULL, data), folds, 1, \(rows) {
    learn_prior(data_rows(data, rows), V = V, n_threads = n_threads)
  })
}
