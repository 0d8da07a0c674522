# Small simulated data sets, for examples and tests. Random numbers are drawn in the same order as
# in mashr, so that a seed gives the same data.

#' Simulate effects in many conditions
#'
#' `simple_sims()` simulates four equal groups of units: no effect, independent effects in every
#' condition, an effect in the first condition only, and the same effect in all conditions.
#' `simple_sims2()` simulates two groups in five conditions: the same effect in conditions 1 and 2,
#' and the same effect in conditions 3, 4 and 5. Effects are standard normal. With the same seed the
#' data are those of the functions of these names in mashr.
#'
#' @param nsamp number of units in each group.
#' @param ncond number of conditions.
#' @param err_sd standard error of every measurement.
#' @inheritParams shared_arguments
#'
#' @return A list of matrices, units x conditions: the true effects `B`, the measured effects `Bhat`
#'   and their standard errors `Shat`.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 10, ncond = 3, err_sd = 0.1)
#' str(sims)
#' head(simple_sims2(nsamp = 10)$B, 3)
simple_sims <- function(nsamp = 100, ncond = 5, err_sd = 0.01, ...) {
  take_dots(...)
  nsamp <- check_few(nsamp, 1, 1e8)
  ncond <- check_few(ncond, 1, 1e4)
  check_cells(c(nsamp = nsamp, ncond = ncond))
  independent <- matrix(stats::rnorm(nsamp * ncond), nsamp, ncond)
  equal <- matrix(stats::rnorm(nsamp), nsamp, ncond)
  none <- matrix(0, nsamp, ncond)
  single <- none
  single[, 1L] <- stats::rnorm(nsamp)
  add_noise(rbind(none, independent, single, equal), err_sd)
}

#' @rdname simple_sims
#' @export
simple_sims2 <- function(nsamp = 100, err_sd = 0.01, ...) {
  take_dots(...)
  nsamp <- check_few(nsamp, 1, 2e7)
  first <- stats::rnorm(nsamp) %o% c(1, 1, 0, 0, 0)
  second <- stats::rnorm(nsamp) %o% c(0, 0, 1, 1, 1)
  add_noise(rbind(first, second), err_sd)
}

add_noise <- function(B, err_sd) {
  err_sd <- check_number(err_sd, 0)
  dimnames(B) <- list(paste0("effect_", seq_len(nrow(B))), paste0("condition_", seq_len(ncol(B))))
  Shat <- array(err_sd, dim(B), dimnames(B))
  list(B = B, Bhat = B + stats::rnorm(length(B), sd = err_sd), Shat = Shat)
}
