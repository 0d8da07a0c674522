# Simulated measurements against a common reference condition, for examples and tests of contrasts.
# Random numbers are drawn in the same order as in mashr, so that a seed gives the same data.

#' Simulate conditions that deviate from a reference
#'
#' Every unit has a level, drawn from N(10, 1), which all its conditions share. In `sim_contrast1()`
#' no condition deviates from it. In `sim_contrast2()` 90% of the units have no deviation; in the
#' others the conditions before the last, which is the reference, deviate by standard normal
#' amounts: independently, all alike, or in the first condition only (a third of the units each).
#' With the same seed the data are those of the functions of these names in mashr.
#'
#' @param nsamp number of units.
#' @param ncond number of conditions, the reference included: at least 2 for `sim_contrast2()`.
#' @param err_sd standard error of every measurement.
#' @inheritParams shared_arguments
#'
#' @return A list of matrices, units x conditions: the true levels `C`, the measurements `Chat` and
#'   their standard errors `Shat`.
#' @export
#' @examples
#' set.seed(1)
#' sims <- sim_contrast2(nsamp = 100, ncond = 4)
#' data <- mash_set_data(sims$Chat, sims$Shat)
#' # deviations from the reference
#' head(sims$C - sims$C[, 4], 2)
#' str(sim_contrast1(nsamp = 10, ncond = 3))
sim_contrast1 <- function(nsamp = 100, ncond = 5, err_sd = sqrt(0.5), ...) {
  take_dots(...)
  nsamp <- check_few(nsamp, 1, 1e8)
  ncond <- check_few(ncond, 1, 1e4)
  check_cells(c(nsamp = nsamp, ncond = ncond))
  measured_levels(matrix(stats::rnorm(nsamp, 10), nsamp, ncond), err_sd)
}

#' @rdname sim_contrast1
#' @export
sim_contrast2 <- function(nsamp = 1000, ncond = 5, err_sd = sqrt(0.5), ...) {
  take_dots(...)
  nsamp <- check_few(nsamp, 1, 1e8)
  ncond <- check_few(ncond, 2, 1e4)
  check_cells(c(nsamp = nsamp, ncond = ncond))
  level <- stats::rnorm(nsamp, 10)
  deviating <- ceiling(0.1 * nsamp)
  third <- floor(deviating / 3)
  single <- deviating - 2 * third
  others <- ncond - 1
  independent <- matrix(stats::rnorm(third * others), third, others)
  alike <- matrix(stats::rnorm(third), third, others)
  first <- matrix(0, single, others)
  first[, 1L] <- stats::rnorm(single)
  none <- matrix(0, nsamp - deviating, others)
  measured_levels(level + cbind(rbind(none, independent, alike, first), 0), err_sd)
}

measured_levels <- function(C, err_sd) {
  err_sd <- check_number(err_sd, 0)
  dimnames(C) <- list(paste0("sample_", seq_len(nrow(C))), paste0("condition_", seq_len(ncol(C))))
  Chat <- C + stats::rnorm(length(C), sd = err_sd)
  list(C = C, Chat = Chat, Shat = array(err_sd, dim(C), dimnames(C)))
}
