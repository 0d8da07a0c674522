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
#' - `X`, `Y`: predictors and outcomes, samples in rows; `covariates`; `LD`: correlation of
#'   predictors;
#' - `Ulist`, `U`: prior covariances; `pi`, `w`, `w0`: weights of components; `prior`: an object of
#'   [as_prior()], or what it takes; `g`: a prior as [mash()] learns it;
#' - lfsr: local false sign rate, the probability that the likelier sign is wrong; lfdr: the
#'   probability of no effect; pip: posterior inclusion probability.
#'
#' @section What is matched, and how:
#' Wherever two arguments share a dimension (units, conditions, samples, variants, components,
#' covariates) and both have names, they are matched by name. Another order is put in order; a
#' larger prior, `V`, contrast matrix or `LD` is reduced to the names needed, which is said once;
#' names that are missing are an error of class `mnmash_error_names` that lists them. Where one side
#' has no names sizes must agree, and order counts. Results carry names.
#'
#' Priors know whether they are of effects or of z-scores, and are converted where the factor is
#' known, or refused (`mnmash_error_units`). Fits know the terms and levels of their covariates.
#'
#' @section Words:
#' One thing has one word in all functions. Functions that follow another package keep its names of
#' arguments; everywhere the other words of a row are taken too, but not two at once:
#'
#' `r paste0("- ", names(synonyms), ": ", lapply(synonyms, toString), collapse = "\n")`
#'
#' Words of `r paste0(names(own_synonyms), "()", collapse = ", ")` only:
#' `r toString(paste(unlist(lapply(own_synonyms, names)), "for", unlist(own_synonyms)))`.
#'
#' Everything else that is passed and has no use is an error that names it.
#'
#' @section Options:
#' - `mnmash.threads`: number of threads where the argument `n_threads` is not given. Default: the
#'   environment variable `MNMASH_NUM_THREADS`, or all cores. Results do not depend on it;
#' - `mnmash.memory`: bytes that likelihoods may take while weights are estimated. Default: 2e9, or
#'   a quarter of what the process may have by the limits of its address space (`ulimit -v`, batch
#'   systems) or of its group (containers), if that is less;
#' - `mnmash.progress`: whether long computations show their progress (default: in interactive
#'   sessions).
#'
#' @section The same results:
#' Results are the same on any number of threads and workers, bit for bit on one kind of processor.
#' Where processors differ in their vector instructions (AVX-512, AVX2, others), sums are taken in
#' another order and results agree to rounding, some 1e-12.
#'
#' @section Files:
#' A file gets its name when its bytes were read back whole: after a full disk, a killed process or
#' a cut of power it is whole or not there. Functions that read RDS files compare the checksum
#' first, so files of `saveRDS(compress = FALSE)` and `"bzip2"`, without one that R looks at, are
#' refused. Against damage on purpose there is no check: reading an RDS file can run code that is
#' hidden in it. Data, priors, checkpoints and folders of results should come from people you trust.
#'
#' @section Errors:
#' Errors of this package have class `mnmash_error` and `mnmash_error_<kind>`; warnings
#' `mnmash_warning` and `mnmash_warning_<kind>`.
#'
#' @keywords internal
#' @useDynLib mnmash, .registration = TRUE
"_PACKAGE"
