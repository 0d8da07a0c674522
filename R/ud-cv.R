# Choosing the number of components and the penalty by units that were not fitted.

#' Cross-validated choice of prior covariances
#'
#' Fits [ud_fit()] for each combination of `K` and `penalty` to all folds of the units but one, and
#' adds up the log-likelihoods of the units of that one under the fitted prior.
#'
#' @param K numbers of unconstrained components to compare.
#' @param penalty penalties to compare, some of `"iw"`, `"nu"`, `"none"`.
#' @param folds number of folds, or the fold of every unit, as in [mash_cv()].
#' @param refit also fit the best to all units.
#' @param ... further arguments of [ud_fit()].
#' @inheritParams shared_arguments
#'
#' @return An object of class `mash_cv`, as from [mash_cv()], with one row of `loglik` for each
#'   combination, named `"K = 8, iw"`; and, with `refit`, the fit of the best as `fit`, of class
#'   `ud_fit`. Log-likelihoods are those of `Bhat`, and can be compared with those of [mash_cv()] on
#'   the same folds.
#' @seealso [ud_fit()], [mash_cv()]
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 30, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat, alpha = 1)
#' ud_cv(data, K = c(1, 4), folds = 2, max_iter = 50)
ud_cv <- function(data, K = c(2, 4, 8, 16), penalty = c("iw", "none"), folds = 5, seed = NULL,
                  refit = TRUE, ...) {
  check_handed_on(ud_fit, list(...))
  check_mash_data(data)
  if (!is.numeric(K) || !length(K)) {
    stop_mnmash("argument", "`K` must be numbers of components to compare")
  }
  K <- unique(vapply(K, check_few, 0, name = "K", upper = 1e4))
  if (!is.character(penalty) || !length(penalty)) {
    stop_mnmash("argument", "`penalty` must be names of penalties to compare")
  }
  penalty <- unique(vapply(
    as.character(penalty), match_choice, "", choices = c("iw", "nu", "none"), name = "penalty"
  ))
  check_flag(refit)
  # With a seed the folds are its own too, and R's random numbers stay.
  own <- if (!is.null(seed)) check_seed(seed) %% .Machine$integer.max
  folds <- with_seed(own, check_folds(folds, data$Bhat))
  seed <- check_seed(seed)
  choices <- expand.grid(K = K, penalty = penalty, stringsAsFactors = FALSE)
  choices$set <- paste0("K = ", choices$K, ", ", choices$penalty)
  vloglik <- matrix(
    0, nrow(data$Bhat), nrow(choices), dimnames = list(rownames(data$Bhat), choices$set)
  )
  fit_choice <- function(data, i) {
    ud_fit(data, K = choices$K[i], penalty = choices$penalty[i], seed = seed, ...)
  }
  matrices <- integer(nrow(choices))
  for (fold in unique(folds)) {
    held <- which(folds == fold)
    train <- data_rows(data, which(folds != fold))
    test <- data_rows(data, held)
    for (i in seq_len(nrow(choices))) {
      fit <- fit_choice(train, i)
      vloglik[held, i] <- mash_compute_vloglik(as_fitted(fit), test)
      if (fold == folds[1L]) matrices[i] <- length(fit$U)
    }
  }
  found <- new_mash_cv(vloglik, matrices, folds)
  if (refit) found$fit <- fit_choice(data, match(found$best, choices$set))
  found
}
