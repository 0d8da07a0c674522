# The covariances of a learnt prior.

# Those of mash data without a prior: all units are random ones, and blocks of their own.
#' @exportS3Method
learnt_matrices.mash <- function(data, n_threads) {
  refuse_contrasts(data)
  rows <- learning_rows(data, NULL, block_numbers(NULL, data), 4, 1)
  warn_few_units(length(rows$strong), "strong", ncol(data$Bhat))
  warn_identity(data)
  warn_linked(data)
  strong <- data_rows(data, rows$strong)
  U <- learn_matrices(data, strong, learning_choices(n_threads = n_threads))
  list(U = U, learnt = counted_units(strong, data, above = rows$above))
}

learning_choices <- function(K = 16, lambda = NULL, masks = c(0.05, 0.1, 0.25), tree = TRUE,
                             seed = 1, n_threads = NULL) {
  list(K = K, lambda = lambda, masks = masks, tree = tree, seed = seed, n_threads = n_threads)
}

# Covariances learnt from the strong units under a penalty, their copies without conditions, the
# canonical ones, and those of sets of conditions. Conditions are taken in the order of their names,
# and units from the strongest on, so that the result does not depend on their order in the data.
learn_matrices <- function(random, strong, how) {
  R <- ncol(random$Bhat)
  canonical <- cov_canonical(random)
  # In one condition all covariances are multiples of one.
  if (R == 1L) return(canonical["identity"])
  U <- NULL
  if (how$K > 0) {
    names <- colnames(strong$Bhat)
    order <- if (is.null(names)) seq_len(R) else order(names, method = "radix")
    back <- order(order)
    first <- strongest_first(unit_strength(strong), order_by_name(strong))
    own <- in_units_of_noise(data_columns(data_rows(strong, first), order))
    fit <- ud_fit(
      own, K = how$K, penalty = "iw", lambda = how$lambda %||% (3 * R), seed = how$seed,
      n_threads = how$n_threads
    )
    U <- lapply(fit$U, \(u) u[back, back, drop = FALSE] * own$unit^2)
    names(U) <- sub("^unconstrained", "ud", names(U))
    if (length(how$masks)) U <- c(U, cov_mask(U, random, how$masks))
  }
  c(U, canonical, if (how$tree) cov_tree(strong))
}
