#' Arguments that many functions share
#'
#' What these mean wherever they stand, unless a function's page says otherwise.
#'
#' @name shared_arguments
#' @keywords internal
#' @param prior a prior, or anything that [as_prior()] takes: a fit, a list of matrices with
#'   weights, an object of another package. Its conditions are matched by name; those that the data
#'   lack are integrated out. It is converted to the units of the data, or refused if the factor is
#'   not known.
#' @param V residual correlation (for regressions: covariance), R x R. Its conditions are matched
#'   by name; one of more conditions is reduced to those of the data.
#' @param LD p x p matrix of correlations of predictors, matched to them by name; one of more
#'   predictors is reduced to those needed.
#' @param covariates n x q: a matrix, a data frame (factors are expanded), or a vector for one.
#'   Samples are matched by name. The fit keeps variables, levels and contrasts.
#' @param newdata n x p predictors of new samples; columns are picked by name, out of more.
#' @param max_iter most iterations.
#' @param tol stop when an iteration gains less.
#' @param seed a whole number, or `NULL` to draw one from R's random numbers; these are left as
#'   they were.
#' @param verbose say what is being done.
#' @param n_threads number of threads. Default: the option `mnmash.threads`, or all cores. The
#'   result does not depend on it.
#' @param ... another word for one of these arguments: see [mnmash]. Anything else is an error.
NULL
