# The covariances of a learnt prior.

# Those of mash data without a prior: all units are random ones, and blocks of their own.
#' @exportS3Method
learnt_matrices.mash <- function(data, n_threads) {
  refuse_contrasts(data)
  rows <- learning_rows(data, NULL, block_numbers(NULL, data), 4, 1)
  warn_few_units(nrow(data$Bhat), "strong", ncol(data$Bhat))
  warn_identity(data)
  warn_linked(data)
  strong <- data_rows(data, rows$strong)
  U <- learn_matrices(data, strong, learning_choices(n_threads = n_threads))
  list(U = U, learnt = counted_units(strong, data, above = rows$above))
}

learning_choices <- function(K = 16, lambda = NULL, masks = c(0.05, 0.1, 0.25), tree = TRUE,
                             product = TRUE, seed = 1, n_threads = NULL) {
  list(
    K = K, lambda = lambda, masks = masks, tree = tree, product = product, seed = seed,
    n_threads = n_threads
  )
}

# Covariances learnt from the strong units under two penalties, their copies without conditions, the
# canonical ones, and those of sets of conditions. Conditions are taken in the order of their names,
# and units from the strongest on, so that the result does not depend on their order in the data.
learn_matrices <- function(random, strong, how) {
  R <- ncol(random$Bhat)
  canonical <- cov_canonical(random)
  # In one condition all covariances are multiples of one.
  if (R == 1L) return(canonical["identity"])
  U <- NULL
  if (how$K > 0) {
    U <- penalised_covariances(strong, how, how$lambda %||% (3 * R))
    if (length(how$masks)) U <- c(U, cov_mask(U, random, how$masks))
  }
  c(U, canonical, if (how$tree) cov_tree(strong))
}

# Few units leave the likelihood many optima, which differ by more than they do with many units, and
# by which calls differ; there several starts, of which the best goes on, cost little.
worthwhile_starts <- function(data, most = 4, work = 5e5) {
  max(1, min(most, floor(work / (nrow(data$Bhat) * ncol(data$Bhat)^2))))
}

# `ud_<k>`, whose eigenvalues are drawn to one another, and from there `shrunk_<k>`, whose
# correlations are drawn to zero and whose variances are free: the one knows more of conditions that
# share a pattern, the other of how much smaller effects are in some.
penalised_covariances <- function(strong, how, lambda, iterations = 20) {
  names <- colnames(strong$Bhat)
  order <- if (is.null(names)) seq_len(ncol(strong$Bhat)) else order(names, method = "radix")
  back <- order(order)
  first <- strongest_first(unit_strength(strong), order_by_name(strong))
  own <- in_units_of_noise(data_columns(data_rows(strong, first), order))
  fit <- ud_fit(
    own, K = how$K, penalty = "iw", lambda = lambda, seed = 1, n_starts = worthwhile_starts(own),
    n_threads = how$n_threads
  )
  shrunk <- call_core(
    "ud_shrunk",
    measurements = core_measurements(own), start = list(U = unname(fit$U), pi = unname(fit$w)),
    control = list(lambda = lambda, iterations = iterations),
    label = "Correlations held back", total = 0, n_threads = resolve_threads(how$n_threads)
  )
  U <- c(fit$U, lapply(shrunk$U, `dimnames<-`, dimnames(fit$U[[1L]])))
  U <- lapply(U, \(u) u[back, back, drop = FALSE] * own$unit^2)
  numbers <- sub("^unconstrained_", "", names(fit$U))
  stats::setNames(U, c(paste0("ud_", numbers), paste0("shrunk_", numbers)))
}
