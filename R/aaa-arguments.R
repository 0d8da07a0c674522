#' Arguments that many functions share
#'
#' What these mean wherever they stand, unless a function's page says otherwise.
#'
#' @name shared_arguments
#' @keywords internal
#' @param data data from [mash_set_data()].
#' @param m a fit from [mash()].
#' @param model a fit from [mash()], its `fitted_g`, or a prior (see [as_prior()]).
#' @param prior a prior, or anything that [as_prior()] takes: a fit, a list of matrices with
#'   weights, an object of another package. Its conditions are matched by name; those that the data
#'   lack are integrated out. It is converted to the units of the data, or refused if the factor is
#'   not known.
#' @param V residual correlation (for regressions: covariance), R x R. Its conditions are matched
#'   by name; one of more conditions is reduced to those of the data.
#' @param LD p x p correlations of the predictors, in these samples or in a population like theirs:
#'   a matrix, or a sparse matrix of package Matrix (banded, or in blocks). Symmetric, with ones on
#'   the diagonal, positive semi-definite. Matched to the predictors by name; one of more predictors
#'   is reduced to those needed.
#' @param LD_samples number of people that `LD` is from, if they are others than those of the
#'   statistics: what the check of the data (`contradiction`) allows for. Default: the same.
#' @param contradiction what to do where statistics and `LD` cannot be of the same data: `"stop"` or
#'   `"warn"`. See the section Contradictions of [finemap()].
#' @param covariates n samples x q: a matrix, a data frame (factors become indicators of all levels
#'   but the first), or a vector for one covariate. They may be collinear. Samples are matched by
#'   name to those of `X` and the outcomes. The fit keeps variables, levels and contrasts, for
#'   `predict()`.
#' @param newdata n x p predictors of new samples; columns are picked by name, out of more.
#' @param conditions names or numbers of conditions, or a logical vector; the result has them in
#'   this order. Default: all.
#' @param subset rows to use: numbers, names or a logical vector. Default: all. Prior matrices are
#'   usually learnt from the units with the strongest effects, noise from null or random ones.
#' @param A Q x R matrix: the posterior of these linear functions of the effects (in the units of
#'   `Bhat`) instead of the effects' own. Columns are matched to the conditions by name. See
#'   [contrast_matrix()].
#' @param thresh an effect counts as significant when its lfsr is below this.
#' @param posterior_samples number of samples to draw from the posterior of every unit: see
#'   [get_samples()].
#' @param nsim number of simulated data sets.
#' @param pi_thresh components with weights up to this are left out of the posteriors.
#' @param output_posterior_cov add the posterior covariance of every unit: R x R x J numbers.
#' @param coverage the probability of holding its effect that a credible set should have.
#' @param min_abs_corr credible sets with a smaller absolute correlation between two members (their
#'   purity) are dropped.
#' @param max_iter the most iterations: sweeps over the predictors, rounds over the parts of the
#'   model, passes over the data. A fit that would need more says so.
#' @param tol stop when an iteration raises the objective (a log-likelihood, or a bound on one;
#'   natural logarithms) by less.
#' @param seed a whole number, which leaves R's random numbers as they were; or `NULL`, to use
#'   these.
#' @param verbose say what is being done.
#' @param n_threads number of threads. Default: the option `mnmash.threads`, or all cores; one for
#'   each worker where a `future::plan()` gives several. The result does not depend on it.
#' @param folder the name of a folder for the results; it is made if need be.
#' @param top at most this many matrices are shown, those of largest weight.
#' @param file the name of a file to write the picture to, ending in `.pdf` or `.png`.
#' @param row.names,optional not used: R's generic has them.
#' @param ... another word for one of these arguments: see [mnmash]. Anything else is an error.
NULL
