# Factored regression of many outcomes on many predictors: what the user calls.

#' Factored regression: few predictors that act on few outcomes together
#'
#' Regression of the outcomes of many tissues on the genotypes of many variants, with effects that
#' are a sum of factors: `eta = C Theta + X U V'`, where columns of `U` (which variants) are sums of
#' single effects, and those of `V` (which tissues) have spike-and-slab priors. The model is that of
#' FQTL (Park et al. 2017), which has spikes and slabs on both sides; it is fitted by deterministic
#' coordinate ascent on one evidence lower bound. Factors are added while the bound rises, so `K` is
#' the largest number of them, not the number. Then factors are
#' exchanged, split, turned in the plane that two of them span, and with `weights` rid of the
#' variants of other columns, wherever that raises the bound: coordinate ascent does none of this.
#'
#' @section Families:
#' - `"gaussian"`: `Y ~ N(eta, V)`, one `V` for each outcome, or `Vmin + (Vmax - Vmin) logistic(e)`
#'   with `e` linear in `var_covariates`;
#' - `"nb"`: counts with variance `mu + mu^2 / a`. With `nb_link = "log"`, `eta = log(mu)`; with
#'   `"odds"`, `eta = log(mu / a)`, under which the size moves the mean. The size is
#'   `nb_floor + exp(-e)`;
#' - `"voom"`: logarithms of counts, with variance `exp(-eta) + phi` (the delta method): `Y` is
#'   `log(count)` with `log` natural. Give `library_size` if `Y` is log2 counts per million;
#' - `"binomial"`: `Y` successes of `size` trials (one by default), or a proportion of one trial;
#' - `"beta"`: proportions strictly between 0 and 1.
#'
#' Gaussian and binomial (Jaakkola and Jordan's bound) updates never lower the bound; those of the
#' other families are damped until they raise it.
#'
#' @section Inclusion probabilities:
#' By default variants act through a sum of `L` single effects (Wang et al. 2020), in each factor
#' and directly on each outcome. A single effect is there or not; it is equally likely at each
#' variant; its size is normal, of one of several variances that are averaged over. The probability
#' that an effect is there is estimated from all outcomes (or all factors), with a prior that keeps
#' it small where there are few. With `"spike_slab"` each variant is there or not by itself, and
#' probability and variance are estimated without a prior. Factors then take a third of the time,
#' but the probabilities are not what they say: in pure noise a tenth of the direct effects is above
#' .5, and in linkage disequilibrium, where it settles on one of several variants, about a third of
#' the variants above .9 has an effect.
#'
#' @section Missing values:
#' A missing cell of `Y` is not part of the likelihood. `X` must be complete.
#'
#' @section Names and units:
#' Samples, outcomes and predictors are matched by name where both sides have names: samples by the
#' row names of `X` (or of `Y`, if `X` has none), outcomes by the columns of `Y`, predictors by the
#' columns of `X`. Normal outcomes have units of their own: an outcome in other units gives the same
#' fit in these units.
#'
#' @param Y n x m matrix or data frame of outcomes, one row for each sample; `NA` where missing.
#' @param X n x p matrix of predictors (a plain or sparse matrix, a data frame, or blocks as of
#'   [genotype_blocks()], which are read into memory). Columns are centred.
#' @param K the largest number of factors; 0 for outcome-specific effects alone.
#' @param family the distribution of `Y`, see below.
#' @param var_covariates the same as `covariates`, whose effects on the mean are dense, for the
#'   variance or dispersion. An intercept is always there, in both.
#' @param offset a known part of `eta`: a number, a vector of length n, or n x m.
#' @param weights n x K matrix: factor k of sample i is multiplied by `weights[i, k]` (proportions
#'   of cell types).
#' @param cis which predictors may act on each outcome directly, on top of the factors: a logical p
#'   x m matrix, `TRUE` for all, or `NULL` for none.
#' @param nonneg loadings of the outcomes are not negative (half-normal slabs).
#' @param prior a list that replaces some of the ranges in which hyper-parameters are estimated:
#'   `pi_u`, `tau_u`, `pi_v`, `pi_direct`, `tau_direct`, each one number (fixed) or two. `pi` are
#'   inclusion probabilities, `tau` precisions of the slabs in units of `var(X) / var(Y)`, for
#'   normal outcomes with the variance of each outcome itself (less its offset). The variants of all
#'   factors have one `pi_u`, and spikes and slabs one `tau_u`; each factor has its own `pi_v`. Of
#'   single effects, `pi` times the number of variants over `L` is the probability that one is
#'   there; their variances are those from one end of `1 / tau` to the other, in steps of four at
#'   most (by default from 1 to 1 / n in factors, and to 4 / n for direct effects). The slab of `V`
#'   has precision 1 (in standard deviations of normal outcomes), which fixes the scale of the
#'   factors.
#' @param u_prior prior of the variants: `"susie"`, `L` single effects for each factor, which have
#'   credible sets; or `"spike_slab"`, faster, with probabilities that are not to be trusted in
#'   linkage disequilibrium.
#' @param direct_prior the same for the direct effects on each outcome; that of `u_prior` by
#'   default.
#' @param L number of single effects for each factor, and for each outcome.
#' @param size numbers of trials of a binomial: a number or an n x m matrix.
#' @param nb_link,nb_floor link of the mean of counts, and smallest size.
#' @param library_size total counts of the samples, for `"voom"` outcomes in log2 counts per
#'   million, `log2((count + 0.5) / (library_size + 1) * 1e6)`. Effects are then in these units.
#' @param variance_bounds smallest and largest variance of an outcome, as multiples of its variance.
#'   By default `c(1e-4, 1)`, or `c(1e-4, 100)` with `var_covariates`.
#' @param n_seeds how many starting points of either kind (variants not in linkage disequilibrium,
#'   with effects on many outcomes, or on a few) are tried before a factor is given up.
#' @param method `"coordinate"`, or `"sgvb"`: the same model by stochastic gradients
#'   (reparametrised, with control variates and antithetic draws; a round is 20 steps). It is slower
#'   and less exact, and shares none of the updates: a check of the other. It has spikes and slabs
#'   only.
#' @inheritParams shared_arguments
#'
#' @return An object of class `fqtl`, a list of
#' - `u`, `v`: the two sides of the factors: `pip` (inclusion probabilities), `mean` and `sd`,
#'   matrices with a column for each factor, strongest first; `pi` and `tau`. Of single effects `u`
#'   has, for those that are likelier there than not, `alpha`, where they may be, and `presence`,
#'   the probability that they are there; `pi` is what that was before the data;
#' - `rank`: the number of factors; `B`: p x m effects, factors and direct ones; `B_sd`;
#' - `direct`: `pip`, `mean`, `sd` of the direct effects, p x m, if there are any;
#' - `covariates`, `covariates_sd`: q x m, the intercept first;
#' - `dispersion`: `value`, n x m (variances, sizes, phi or precisions), coefficients `theta` and
#'   their standard errors `se` where there are covariates;
#' - `eta`, `eta_sd`: the linear predictor; `fitted.values`: means of the outcomes, missing ones
#'   included; `residuals`: what they leave;
#' - `Y_unit`: the units of the outcomes in the fit, in which loadings can be compared; `terms`:
#'   what [predict()][predict.fqtl] needs to know of the covariates, and `has_offset`;
#' - `elbo`: the bound without factors, after each factor, then after each round (for `"sgvb"` an
#'   estimate of it in each round, then of the final one, with Monte Carlo standard error
#'   `elbo_se`); `converged`, `n_iter`, `convergence` (as in [mash()]), and the arguments.
#' @references Park Y, Sarkar AK, Bhutani K, Kellis M (2017). Multi-tissue polygenic models for
#'   transcriptome-wide association studies. bioRxiv 107623.
#'
#'   Wang G, Sarkar A, Carbonetto P, Stephens M (2020). A simple new approach to variable selection
#'   in regression, with application to genetic fine mapping. Journal of the Royal Statistical
#'   Society B 82, 1273-1300.
#'
#'   Carbonetto P, Stephens M (2012). Scalable variational inference for Bayesian variable selection
#'   in regression. Bayesian Analysis 7, 73-108.
#'
#'   Kingma DP, Welling M (2014). Auto-encoding variational Bayes. ICLR (reparametrised gradients).
#' @seealso [fqtl_regression()], [fqtl_factorize()], [predict.fqtl()], [mr_mash()]
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(150 * 40, 2, 0.3), 150)
#' B <- matrix(0, 40, 8)
#' B[7, 1:4] <- c(1, 0.8, 1.2, -1)
#' Y <- X %*% B + matrix(rnorm(150 * 8), 150)
#' Y[sample(length(Y), 200)] <- NA
#' fit <- fqtl(Y, X)
#' fit
#' which(pip(fit) > 0.5)
#' round(coef(fit)[c(1, 8), ], 2)
fqtl <- function(Y, X, K = 5, family = c("gaussian", "nb", "voom", "binomial", "beta"),
                 covariates = NULL, var_covariates = NULL, offset = NULL, weights = NULL,
                 cis = NULL, nonneg = FALSE, prior = list(), u_prior = c("susie", "spike_slab"),
                 direct_prior = u_prior, L = 5, size = NULL, nb_link = c("log", "odds"),
                 nb_floor = NULL, library_size = NULL, variance_bounds = NULL, n_seeds = 5,
                 tol = 1e-4, max_iter = 500, n_threads = NULL, method = c("coordinate", "sgvb"),
                 seed = NULL, ...) {
  take_dots(...)
  method <- match_choice(method, c("coordinate", "sgvb"))
  priors <- c("susie", "spike_slab")
  if (method == "sgvb" && missing(u_prior)) u_prior <- "spike_slab"
  u_prior <- match_choice(u_prior, priors)
  direct_prior <- match_choice(direct_prior, priors)
  if (method == "sgvb") {
    sampled <- c(u_prior = u_prior, direct_prior = direct_prior) == "spike_slab"
    if (!all(sampled)) {
      stop_mnmash(
        "argument", "`method` \"sgvb\" needs `", names(sampled)[!sampled][1L], "` \"spike_slab\""
      )
    }
  }
  data <- fqtl_data(Y, X, list(
    covariates = covariates, var_covariates = var_covariates, offset = offset, weights = weights,
    cis = cis, size = size, library_size = library_size
  ))
  model <- fqtl_model(data, fqtl_family(family, nb_link, nb_floor, variance_bounds))
  fit <- run_fqtl(model, list(
    K = K, u_prior = u_prior, direct_prior = direct_prior, L = L, nonneg = check_flag(nonneg),
    prior = prior, n_seeds = n_seeds, tol = tol, max_iter = max_iter, n_threads = n_threads,
    seed = if (method == "sgvb") with_seed(seed, sample.int(.Machine$integer.max, 1L))
  ))
  fit$call <- match.call()
  fit
}

#' Sparse regressions of several outcomes, one by one
#'
#' [fqtl()] without factors: a sparse regression for each outcome, with the same families,
#' covariates, priors, and masks of the predictors that may act.
#'
#' @inheritParams fqtl
#' @param cis as in [fqtl()]; all predictors by default.
#' @param ... further arguments of [fqtl()], but not `K`: there are no factors.
#' @return As [fqtl()], with `rank` 0 and the effects in `direct`.
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rnorm(100 * 30), 100)
#' Y <- cbind(X[, 3], 0) + matrix(rnorm(200), 100)
#' fit <- fqtl_regression(Y, X)
#' round(fit$direct$pip[1:4, ], 3)
fqtl_regression <- function(Y, X, cis = TRUE, ...) {
  if ("K" %in% ...names()) {
    stop_mnmash("argument", "there is no argument `K` here: there are no factors; see fqtl()")
  }
  fit <- fqtl(Y, X, K = 0, cis = cis, ...)
  fit$call <- match.call()
  fit
}
