# A given prior, made ready for data: of their conditions, in their order (the margin, if the prior
# is of more), and in their units. Whatever is fitted before comes through here. A prior that knows
# neither its units nor its alpha is taken at the user's word, with a message.
given_prior <- function(g, data, name = "g", weights = TRUE) {
  check_mash_data(data)
  prior <- model_prior(g, name, weights)
  check_same_scale(prior, data, name)
  at <- align_to(
    prior$conditions, colnames(data$Bhat), name, "condition", prior$R, ncol(data$Bhat)
  )
  g <- if (is.null(prior$g$pi)) {
    reduced_matrices(prior$g, at)
  } else {
    marginal_prior(prior$g, at)
  }
  with_data_conditions(g, data)
}

# Effects are not z-scores. Where units are not known, alpha must be the same, where that is.
check_same_scale <- function(prior, data, name = "g", of = "the data") {
  units <- data_units(data)
  if (!is.null(prior$units) && !is.null(units)) {
    if (prior$units == units) return(invisible())
  } else if (!is.null(prior$alpha)) {
    if (isTRUE(all.equal(prior$alpha, data$alpha))) return(invisible())
  } else {
    tell_once(
      as_typed(name), " is a prior without its alpha: make sure that it was fitted with alpha = ",
      data$alpha
    )
    return(invisible())
  }
  words <- c(effect = "effects", z = "z-scores")
  say <- \(units, alpha) {
    if (is.null(units)) paste0("effects scaled by alpha = ", alpha) else words[[units]]
  }
  wanted <- prior$alpha %||% units_alpha(prior$units)
  stop_mnmash(
    "units", as_typed(name), " is a prior of ", say(prior$units, prior$alpha), ", but ", of,
    " are of ",
    say(units, data$alpha), ": make the data with mash_set_data(..., ",
    if (wanted == data$alpha) "Shat = " else paste0("alpha = ", wanted), ")"
  )
}

# Some conditions of a prior without weights.
reduced_matrices <- function(g, at) {
  g$Ulist <- lapply(g$Ulist, \(U) U[at, at, drop = FALSE])
  g$product <- product_margin(g$product, at)
  g
}

# The matrices of a prior for data carry the names of its conditions, as far as there are any, and
# the prior its units.
with_data_conditions <- function(g, data) {
  conditions <- colnames(data$Bhat)
  if (!is.null(conditions)) {
    g$Ulist <- lapply(g$Ulist, \(U) {
      dimnames(U) <- list(conditions, conditions)
      U
    })
  }
  g$units <- data_units(data) %||% g$units
  g$alpha <- data$alpha
  g
}
