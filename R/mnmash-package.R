#' mnmash: multivariate and multiple-regression adaptive shrinkage
#'
#' Learns how effects are shared among many conditions, and returns calibrated posterior effects.
#' The numerical core is written in Rust. `vignette("which-function")` leads from data and question
#' to function; `vignette("intro")` is the place to start.
#'
#' @section Names:
#' - J units (rows: genes, variants), R conditions (columns: tissues, traits), K prior matrices, L
#'   scales, P components; in regression n samples, p predictors, r responses;
#' - `Bhat`, `Shat`, `Z`: J x R effects, standard errors and z-scores; `V`: correlation of their
#'   errors (in regression: covariance of the residuals);
#' - `X`, `Y`: predictors and outcomes, samples in rows; `LD` or `R`: correlation of predictors;
#' - `Ulist`, `U`: prior covariances; `pi`, `w`, `w0`: weights of components; `g`: a fitted prior;
#' - lfsr: local false sign rate, the probability that the likelier sign is wrong; lfdr: the
#'   probability of no effect; pip: posterior inclusion probability.
#'
#' Functions that follow another package keep its names of arguments: `Z` are covariates in
#' [mr_ash()], [varbvs()] and [deconvolve()].
#'
#' @section Options:
#' - `mnmash.threads`: number of threads where the argument `n_threads` is not given. Default: the
#'   environment variable `MNMASH_NUM_THREADS`, or all cores. Results do not depend on it;
#' - `mnmash.memory`: bytes that likelihoods may take while weights are estimated (default 2e9);
#' - `mnmash.progress`: whether long computations show their progress (default: in interactive
#'   sessions).
#'
#' @section Errors:
#' Errors of this package have class `mnmash_error` and `mnmash_error_<kind>`; warnings
#' `mnmash_warning` and `mnmash_warning_<kind>`.
#'
#' @keywords internal
#' @useDynLib mnmash, .registration = TRUE
"_PACKAGE"
