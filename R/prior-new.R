# The prior as an object, checked: b ~ null_weight delta_0 + sum_k w_k N(0, U_k).

# Weights are divided by their sum, matrices of zeros counted as null. `...` are entries to keep;
# `units` ("effect" or "z") and `effect_model` ("EE" or "EZ") say the same thing, and either is
# completed by the other.
new_prior <- function(U, w = NULL, null_weight = 0, ..., conditions = NULL) {
  if (!is.list(U) || is.data.frame(U) || !length(U)) {
    stop_mnmash("type", as_typed("U"), ", the matrices of a prior, must be a list of at least one")
  }
  R <- NROW(U[[1L]])
  given <- names(U)
  U <- name_conditions(prior_matrices(U, R, normalize = FALSE, name = "U"), conditions)
  null_weight <- check_number(null_weight, 0, 1)
  if (is.null(w)) {
    if (length(U) > 1L) message("The prior has no weights: all matrices get the same")
    w <- rep((1 - null_weight) / length(U), length(U))
  }
  w <- stats::setNames(prior_weights(w, given, length(U)), names(U))
  total <- sum(w) + null_weight
  if (total <= 0) stop_mnmash("value", as_typed("w"), ", the weights of the prior, are all zero")
  zero <- vapply(U, \(u) all(u == 0), NA)
  null <- sum(w[zero]) + null_weight
  with_units(structure(
    list(U = U[!zero], w = w[!zero] / total, null_weight = null / total, ...),
    class = "mnmash_prior"
  ))
}

# Weights of K matrices in their order: by name where both have names.
prior_weights <- function(w, names, K) {
  if (!is.numeric(w) || length(w) != K) {
    stop_mnmash(
      "dimension", as_typed("w"), " must have ", K, " weights, one for each matrix of ",
      as_typed("U"), ", not ", length(w)
    )
  }
  bad <- which(!is.finite(w) | w < 0)
  if (length(bad)) {
    stop_mnmash(
      "value", as_typed("w"), " must not be negative: weight ", bad[1L], " is ", w[bad[1L]]
    )
  }
  as.double(align_vector(w, names, K, "w", "component", to = as_typed("U"), more = "refuse"))
}

# `units` and `effect_model` of a prior, each from the other.
with_units <- function(prior) {
  for (what in c("units", "effect_model", "alpha", "learnt")) {
    if (is.null(prior[[what]])) prior[[what]] <- NULL
  }
  if (is.null(prior[["units"]]) && !is.null(prior[["effect_model"]])) {
    model <- match_choice(prior[["effect_model"]], c("EE", "EZ"), name = "effect_model")
    prior$units <- c(EE = "effect", EZ = "z")[[model]]
  } else if (!is.null(prior[["units"]])) {
    prior$units <- match_choice(prior[["units"]], c("effect", "z"), name = "units")
    prior$effect_model <- c(effect = "EE", z = "EZ")[[prior$units]]
  }
  prior
}
