# What is known of a region by summary statistics.

#' @rdname finemap_data
#' @export
finemap_sumstats <- function(Z = NULL, LD, n = NULL, Bhat = NULL, Shat = NULL, check = TRUE,
                             LD_samples = NULL, ...) {
  peer_arguments(take_dots(..., also = names(sumstats_peers)), sumstats_peers)
  given <- !vapply(list(Z, Bhat, Shat), is.null, NA)
  if (given[1L] == any(given[2:3]) || given[2L] != given[3L]) {
    stop_mnmash(
      "argument", "give either ", as_typed("Z"), ", or ", as_typed("Bhat"), " and ",
      as_typed("Shat")
    )
  }
  if (missing(LD)) {
    stop_mnmash(
      "argument", as_typed("LD"), ", the correlations of the variables, is needed"
    )
  }
  given <- if (is.null(Z)) list(Bhat = Bhat, Shat = Shat) else list(Z = Z)
  data <- sumstats_region(given, LD, n, check_flag(check))
  data$LD_samples <- ld_samples(LD_samples)
  data
}

# `given` are z-scores, or effects and standard errors, by the names of the user's arguments; `each`
# as in samples_of().
sumstats_region <- function(given, LD, n, check, each = FALSE) {
  what <- as_typed(names(given)[1L])
  Z <- complete_matrix(given[[1L]], names(given)[1L])
  Shat <- given[["Shat"]]
  if (!is.null(Shat)) {
    Shat <- positive_like(complete_matrix(Shat, "Shat"), Z)
    Z <- Z / Shat
  }
  LD <- complete_matrix(LD, "LD")
  if (nrow(LD) != ncol(LD)) {
    stop_mnmash("dimension", as_typed("LD"), " must be square, not ", describe_dim(LD))
  }
  LD <- align_square(LD, rownames(Z), nrow(Z), "LD", "variable", to = what)
  variables <- first_names(rownames(Z), rownames(LD), colnames(LD))
  check_variables(variables, paste("the rows of", what))
  LD <- symmetric_ld(LD, kind = "variable")
  if (check) {
    LD <- usable_ld(LD, 1e-4, remedy = paste0(
      ": use the samples of the study, the repaired matrix of qc_sumstats(), or `check = FALSE` ",
      "to go on with it as it is"
    ))
  }
  if (is.null(n)) {
    warn_mnmash(
      "sample_size", "without ", as_typed("n"),
      " the z-scores are used as they are, which overstates large ",
      "effects: give the number of samples if it is known"
    )
  } else {
    n <- samples_of(n, Z, what, "variable", each)
  }
  new_finemap_data(
    "sumstats", variables, colnames(Z), nrow(Z), ncol(Z), Z = Z, LD = LD, n = n,
    effect_unit = effect_units(Z, Shat, n), Shat = Shat, given = names(given)[1L]
  )
}

# Standard errors in the order of the effects.
positive_like <- function(Shat, Bhat) {
  Shat <- align_rows(Shat, rownames(Bhat), nrow(Bhat), "Shat", "variable", to = as_typed("Bhat"))
  Shat <- align_columns(Shat, colnames(Bhat), ncol(Bhat), "Shat", "condition",
  to = as_typed("Bhat"))
  bad <- which(Shat <= 0)
  if (length(bad)) {
    stop_mnmash(
      "value", as_typed("Shat"), " must be positive: it is ", Shat[bad[1L]], " at ",
      describe_cell(Shat, bad[1L]), and_more(length(bad))
    )
  }
  Shat
}

# What an effect of standard deviations is in the units of Bhat: sd(Y_r) / sd(x_j), which is
# Shat sqrt(n - 2 + z^2) for a regression with an intercept. Without n, of z-scores.
effect_units <- function(Z, Shat, n) {
  if (is.null(Shat)) return(NULL)
  if (is.null(n)) return(Shat)
  Shat * sqrt(rep(rep_len(n, ncol(Z)), each = nrow(Z)) - 2 + Z^2)
}
