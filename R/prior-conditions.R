# Priors and the conditions they are of: names, and exact margins.

# The names of a prior's conditions, NULL where they are not known.
prior_conditions <- function(prior) if (length(prior$U)) colnames(prior$U[[1L]])

# The prior that a model takes: of the conditions of its data, in their order (the margin, if the
# prior is of more), and in the units of its effects. `units` is "effect" or "z", or NULL where the
# model takes both; `sd` is what a z-score of each condition is multiplied by to be an effect, or
# NULL where that is not known. A prior that does not say its units is taken at the user's word.
# Models take normals, mash a `product` too.
prior_for <- function(prior, conditions, R, units = NULL, sd = NULL, name = "prior",
                      to = "the data", product = FALSE) {
  if (!length(prior$U)) return(prior)
  own <- NROW(prior$U[[1L]])
  at <- align_to(prior_conditions(prior), conditions, name, "condition", own, R, to)
  if (!in_order(at, own)) prior <- prior_margin(prior, at)
  if (!product) prior <- normals_only(prior, name)
  in_units(prior, units, sd, name, to)
}

in_units <- function(prior, units, sd, name, to) {
  if (is.null(prior$units) || is.null(units) || prior$units == units) return(prior)
  if (is.null(sd)) {
    words <- c(effect = "effects", z = "z-scores")
    stop_mnmash(
      "units", as_typed(name), " is of ", words[[prior$units]], ", but ", to, " are of ",
      words[[units]], ": learn it from data in the same units (`alpha` of mash_set_data())"
    )
  }
  factor <- rep_len(if (units == "effect") sd else 1 / sd, NROW(prior$U[[1L]]))
  prior$U <- lapply(prior$U, \(u) u * tcrossprod(factor))
  prior$units <- units
  prior$effect_model <- c(effect = "EE", z = "EZ")[[units]]
  prior
}

# The prior of some of its conditions: exact, as a normal distribution's margins are blocks of its
# covariance. Matrices that are zero there become part of the null.
prior_margin <- function(prior, at) {
  U <- lapply(prior$U, \(u) u[at, at, drop = FALSE])
  zero <- vapply(U, \(u) all(u == 0), NA)
  # A prior needs a matrix, be it one without weight.
  keep <- if (all(zero)) seq_along(U) == 1L else !zero
  prior$null_weight <- prior$null_weight + sum(prior$w[zero])
  prior$w[zero] <- 0
  prior$w <- prior$w[keep]
  R <- NROW(prior$U[[1L]])
  prior$product <- product_margin(prior$product, at)
  if (!is.null(prior[["held_out"]])) {
    prior$held_out$priors <- lapply(prior$held_out$priors, prior_margin, at)
  }
  if (is.matrix(prior[["V"]]) && nrow(prior$V) == R) prior$V <- prior$V[at, at, drop = FALSE]
  prior$U <- U[keep]
  prior
}

# Matrices whose conditions carry one set of names, in one order: the first that has names decides.
# Without names in any they are `conditions`, or not known.
name_conditions <- function(U, conditions = NULL) {
  R <- nrow(U[[1L]])
  own <- lapply(seq_along(U), \(k) square_names(U[[k]], paste0("U$", names(U)[k]), "condition"))
  first <- Position(Negate(is.null), own)
  if (!is.na(first)) {
    conditions <- own[[first]]
  } else if (!is.null(conditions)) {
    conditions <- check_labels(name_text(conditions), "conditions")
    if (length(conditions) != R) {
      stop_mnmash(
        "dimension", as_typed("conditions"), " has ", length(conditions),
        " names, but the matrices are ", R,
        " x ", R
      )
    }
  }
  to <- if (!is.na(first)) as_typed(paste0("U$", names(U)[first]))
  Map(\(u, mine, name) {
    at <- align_to(mine, conditions, paste0("U$", name), "condition", R, R, to)
    u <- unname(u)[at, at, drop = FALSE]
    if (!is.null(conditions)) dimnames(u) <- list(conditions, conditions)
    u
  }, U, own, names(U))
}
